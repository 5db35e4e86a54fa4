"""Tests of pipeline.tasks.handle."""

from __future__ import annotations

import gc
import weakref
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from pipeline.errors import ResultTimeout, TaskFailed
from pipeline.message import TaskMessage
from pipeline.tasks.handle import TaskHandle
from pipeline.tasks.registry import Task

CALL = TaskMessage(task="add")
ADD: Task[Any, Any] = Task(lambda: None, name="add")


class Waiting(TestCase):
    """A handle waits for the result of its call."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.handle = TaskHandle("1", ADD, self.clock, awaited=True)

    def _result(self, timeout: float | None = None) -> Deferred[Any]:
        return Deferred.fromCoroutine(self.handle.result(timeout))

    def test_arrives(self) -> None:
        """Everyone who waits gets the value, and whoever asks later too."""
        first, second = self._result(), self._result(5)
        self.assertFalse(self.handle.done)
        self.handle.settle(CALL.result([3]))
        self.assertTrue(self.handle.done)
        for each in (first, second, self._result()):
            self.assertEqual([3], self.successResultOf(each))
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_failed(self) -> None:
        """A call that failed raises TaskFailed, with the remote traceback."""
        self.handle.settle(CALL.failed("ValueError: no", "Traceback .."))
        error = self.failureResultOf(self._result(), TaskFailed).value
        self.assertEqual(("ValueError: no", "Traceback .."), (str(error), error.traceback))

    def test_times_out(self) -> None:
        """After the timeout, not before, ResultTimeout is raised; asking again is fine."""
        waiting = self._result(5)
        self.clock.advance(4.9)
        self.assertNoResult(waiting)
        self.clock.advance(0.1)
        self.assertIn("5 s", str(self.failureResultOf(waiting, ResultTimeout).value))
        self.handle.settle(CALL.result(None))
        self.assertIsNone(self.successResultOf(self._result()))

    def test_waited_for_by_nobody_else(self) -> None:
        """Who waits is not forgotten, though nobody else knows of him and of the handle."""
        told: list[Any] = []

        async def wait(handle: TaskHandle) -> None:
            told.append(await handle.result())

        Deferred.fromCoroutine(wait(self.handle))
        known = weakref.ref(self.handle)
        del self.handle
        gc.collect()
        handle = known()
        assert handle is not None
        handle.settle(CALL.result(3))
        self.assertEqual([3], told)
        del handle
        gc.collect()
        self.assertIsNone(known())

    def test_staged(self) -> None:
        """Waiting for a call that is sent only when the waiting is over is refused at once."""
        self.handle = TaskHandle("1", ADD, self.clock, awaited=False)
        error = self.failureResultOf(self._result(), RuntimeError).value
        self.assertIn("message in hand", str(error))
