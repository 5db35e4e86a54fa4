"""Tests of pipeline.tasks.processes.performing; in real children, in test_pool."""

from __future__ import annotations

import json
import sys
from typing import Any

from pipeline.tasks.current import current_task
from pipeline.tasks.middleware import TaskStack
from pipeline.tasks.processes.performing import Performing
from pipeline.tasks.processes.wire import LARGEST, Call, Failed, Returned
from pipeline.tasks.registry import Task
from tests.tasks.processes.middlewares import Async, Swallows, Waits
from tests.tasks.processes.pipes import ChannelCase


class Performed(ChannelCase):
    """A call runs, and what becomes of it can be reported."""

    def perform(
        self, function: Any, *args: Any, stack: Any = (), is_awaited: bool = True
    ) -> Returned | Failed:
        """Run a function as a task."""
        tasks = {"t": Task[Any, Any](function, name="t", isolation="process")}
        performing = Performing(self.channel, self.interruption, tasks, TaskStack(stack), lambda: 5)
        call = json.dumps({"id": "1", "name": "t", "args": args})
        return performing.perform(Call(3, call.encode(), is_awaited))

    def said(self, outcome: Returned | Failed) -> str:
        """The text of an error."""
        assert isinstance(outcome, Failed)
        self.assertEqual((3, 5), (outcome.number, outcome.memory))
        return outcome.problem.text

    def test_returned(self) -> None:
        """What it returns is reported as JSON, with the memory of the process."""
        self.assertEqual(Returned(3, b"[7]", 5), self.perform(lambda n: [n], 7))

    def test_current(self) -> None:
        """The call is known while it runs, and not after it."""
        outcome = self.perform(lambda: current_task().id)  # type: ignore[union-attr]
        self.assertEqual(Returned(3, b'"1"', 5), outcome)
        self.assertIsNone(current_task())

    def test_failed(self) -> None:
        """Whatever it raises is reported, also what would end the process."""
        self.assertEqual("'x'", self.said(self.perform(lambda: {}["x"])))
        self.assertEqual("t raised SystemExit(3)", self.said(self.perform(lambda: sys.exit(3))))

    def test_unfit(self) -> None:
        """What can't travel, or is too large, is an error; if nobody waits, nothing."""
        for value, said in (({1}, "a set is nothing"), ("x" * LARGEST, "what t returned is too")):
            self.assertIn(said, self.said(self.perform(lambda value=value: value)))
        self.assertEqual(Returned(3, b"null", 5), self.perform(lambda: {1}, is_awaited=False))

    def test_middleware(self) -> None:
        """Middleware is around it, plain and async; what has to wait is refused."""
        outcome = self.perform(lambda n: n, 1, stack=(Async, Swallows, Async))
        self.assertEqual(Returned(3, b"21", 5), outcome)
        self.assertIn("no reactor", self.said(self.perform(lambda: None, stack=(Waits,))))
