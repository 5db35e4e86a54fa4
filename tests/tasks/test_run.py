"""Tests of pipeline.tasks.run."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from pipeline.errors import TaskAborted, WorkerShutdown
from pipeline.tasks.registry import Task
from pipeline.tasks.run import GRACE, Run


class Ending(TestCase):
    """What ends a call, and with what."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.whole: Deferred[Any] = Deferred()
        self.inner: Deferred[Any] = Deferred()

    def begin(self, **options: Any) -> Run:
        """A call of an async task, inside of which two Deferreds stand for it."""

        async def function() -> None: ...

        run = Run(Task(function, name="t", **options), self.clock)
        run.watch(self.whole)
        run.follow(self.inner).addErrback(lambda failure: self.whole.errback(failure))
        return run

    def test_told(self) -> None:
        """To end it cancels the task itself, and middleware around it goes on to its end."""
        run = self.begin()
        why = WorkerShutdown("now")
        run.end(why)
        self.assertIs(why, run.reason())
        self.failureResultOf(run.outcome(), TaskAborted)

    def test_told_before(self) -> None:
        """A task that middleware starts when its call has been told to end is cancelled at once."""
        run = Run(Task(self.begin, name="t", isolation="inline"), self.clock)
        run.watch(self.whole)
        run.end(WorkerShutdown("now"))
        started = run.follow(Deferred())
        self.failureResultOf(started, CancelledError)
        self.clock.advance(GRACE)
        self.failureResultOf(run.outcome(), TaskAborted)

    def test_own_error(self) -> None:
        """An error that a task raises on being told to end is what it has failed with."""
        run = self.begin()
        self.inner = Deferred()
        run.follow(Deferred(lambda _: self.whole.errback(KeyError("x")))).addErrback(lambda _: None)
        run.end(WorkerShutdown("now"))
        self.failureResultOf(run.outcome(), KeyError)

    def test_patience(self) -> None:
        """Who stops to wait for the outcome leaves the call alone."""
        run = self.begin()
        waiting = run.outcome()
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        self.whole.callback(7)
        self.assertEqual(7, self.successResultOf(run.outcome()))
