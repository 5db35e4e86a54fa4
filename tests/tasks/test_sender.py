"""Tests of pipeline.tasks.sender."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextvars import copy_context
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from pipeline.tasks import sender
from pipeline.tasks.handle import TaskHandle
from pipeline.tasks.registry import Task


class Recorder:
    """A sender that remembers what it sent."""

    clock = Clock()

    def __init__(self) -> None:
        self.sent: list[tuple[str, list[Any], dict[str, Any]]] = []

    async def send(
        self, task: Task[Any, Any], args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> TaskHandle:
        self.sent.append((task.name, list(args), dict(kwargs)))
        return TaskHandle("1", task, Clock(), awaited=True)


class Binding(TestCase):
    """Who sends a call depends on where the code runs."""

    add: Task[Any, Any] = Task(lambda a, b: a + b, name="add")

    def test_unbound(self) -> None:
        """Without any sender, the error says what to do."""
        failure = self.failureResultOf(_send(self.add), RuntimeError)
        self.assertIn("pipeline.connect", str(failure.value))

    def test_process(self) -> None:
        """The last sender bound in the process counts, until it is taken back."""
        first, second = Recorder(), Recorder()
        for each in (first, second):
            self.addCleanup(sender.unbind, sender.bind(each))
        self.assertEqual("1", self.successResultOf(_send(self.add)).id)
        sender.unbind(second)
        self.successResultOf(_send(self.add))
        self.assertEqual([("add", [1], {"b": 2})], second.sent)
        self.assertEqual([("add", [1], {"b": 2})], first.sent)

    def test_worker(self) -> None:
        """A worker's sender goes before the process's, in that worker only."""
        process, worker = Recorder(), Recorder()
        self.addCleanup(sender.unbind, sender.bind(process))

        def inside() -> None:
            sender.bound.set(worker)
            self.successResultOf(_send(self.add))

        copy_context().run(inside)
        self.assertEqual(([], 1), (process.sent, len(worker.sent)))


def _send(task: Task[Any, Any]) -> Any:
    from twisted.internet.defer import Deferred

    return Deferred.fromCoroutine(task.send(1, b=2))
