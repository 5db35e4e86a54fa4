"""Tests of pipeline.tasks.policies."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import TestCase

from pipeline.message import TaskMessage
from pipeline.outcome import RetryPolicy
from pipeline.tasks.options import OVERRIDES
from pipeline.tasks.policies import Policies
from pipeline.tasks.registry import Task


class Own(TestCase):
    """The call goes before its task, and that before the worker."""

    def setUp(self) -> None:
        options: dict[str, dict[str, Any]] = {
            "plain": {},
            "stubborn": {"retries": 7},
            "slow": {"backoff": 60},
        }
        tasks = {name: Task(len, name=name, **given) for name, given in options.items()}
        self.policies = Policies(tasks, RetryPolicy(attempts=3, base=2.0))

    def said(self, task: str, **own: Any) -> tuple[int | None, float] | None:
        """What a call of a task has: the attempts, and the first delay."""
        metadata = {OVERRIDES: own} if own else {}
        policy = self.policies.of(TaskMessage(task=task, helper_metadata=metadata))
        return None if policy is None else (policy.attempts, policy.base)

    def test_task(self) -> None:
        """What a task doesn't say is as the worker says; if it says nothing, nor do we."""
        self.assertEqual((8, 2.0), self.said("stubborn"))
        self.assertEqual((3, 60.0), self.said("slow"))
        self.assertEqual([None, None], [self.said("plain"), self.said("unknown")])

    def test_call(self) -> None:
        """A call's own retries count, with or without those of its task."""
        calls = [self.said(task, retries=0) for task in ("plain", "stubborn", "slow")]
        self.assertEqual([(1, 2.0), (1, 2.0), (1, 60.0)], calls)

    def test_wrong(self) -> None:
        """What is no call, or says what can't be read, says nothing."""
        self.assertIsNone(self.policies.of(object()))
        self.assertEqual((8, 2.0), self.said("stubborn", retries="many"))
