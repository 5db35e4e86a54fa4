"""Tests of pipeline.tasks.interruptible."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.trial.unittest import TestCase

from pipeline.errors import WorkerShutdown
from pipeline.tasks.interruptible import interruptible


class Interrupted(TestCase):
    """A coroutine behaves as before, but learns why it is cancelled."""

    def _call(self, waits_for: Deferred[Any], reason: BaseException | None = None) -> Deferred[Any]:
        self.seen: list[BaseException] = []

        async def inner() -> Any:
            try:
                return await waits_for
            except (ValueError, WorkerShutdown, CancelledError, GeneratorExit) as error:
                self.seen.append(error)
                raise

        return Deferred.fromCoroutine(interruptible(inner(), lambda: reason))

    def test_value(self) -> None:
        """Values pass, those that are there at once too."""
        self.assertEqual(3, self.successResultOf(self._call(succeed(3))))
        later: Deferred[int] = Deferred()
        running = self._call(later)
        later.callback(4)
        self.assertEqual(4, self.successResultOf(running))

    def test_error(self) -> None:
        """Errors are raised inside, and out of it."""
        later: Deferred[int] = Deferred()
        running = self._call(later)
        later.errback(ValueError("no"))
        self.failureResultOf(running, ValueError)
        self.assertEqual(["no"], [str(error) for error in self.seen])

    def test_reason(self) -> None:
        """A cancelled coroutine sees the reason instead of CancelledError."""
        running = self._call(Deferred(), WorkerShutdown("stop"))
        running.cancel()
        self.failureResultOf(running, WorkerShutdown)
        self.assertEqual(["stop"], [str(error) for error in self.seen])

    def test_no_reason(self) -> None:
        """Without a reason it sees the cancellation itself."""
        running = self._call(Deferred())
        running.cancel()
        self.failureResultOf(running, CancelledError)

    def test_closed(self) -> None:
        """Closing the outer one closes the inner one."""

        async def inner() -> None:
            try:
                await Deferred()
            finally:
                self.seen.append(GeneratorExit())

        self.seen = []
        outer: Any = interruptible(inner(), lambda: None)
        outer.send(None)
        outer.close()
        self.assertEqual(1, len(self.seen))
