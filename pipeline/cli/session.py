"""Doing one thing with a running reactor, then ending."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from pipeline.service.process import stop, stop_on_signals

__all__ = ["INTERRUPTED", "run_to_its_end"]

#: The exit status after Ctrl-C or SIGTERM, as shells have it.
INTERRUPTED = 130


def run_to_its_end(work: Callable[[], Coroutine[Any, Any, int]], reactor: Any) -> int:
    """Run something in the reactor: its result, an exit status.

    Ctrl-C cancels it, and waits for what it has begun to end in good order.

    :param work: called once the reactor runs.
    :param reactor: one that doesn't run yet.
    :raise Exception: what the work raised.
    """
    session = _Session(work, reactor)
    reactor.callWhenRunning(session.begin)
    reactor.addSystemEventTrigger("before", "shutdown", session.end)
    stop_on_signals(reactor)
    reactor.run()
    return session.status()


class _Session:
    def __init__(self, work: Callable[[], Coroutine[Any, Any, int]], reactor: Any) -> None:
        self._work = work
        self._reactor = reactor
        self._doing: Deferred[None] | None = None
        self._result: int | Failure = INTERRUPTED

    def begin(self) -> None:
        self._doing = Deferred.fromCoroutine(self._work()).addBoth(self._done)

    def _done(self, result: int | Failure) -> None:
        interrupted = isinstance(result, Failure) and result.check(CancelledError)
        self._result = INTERRUPTED if interrupted else result
        stop(self._reactor)

    def end(self) -> Deferred[None] | None:
        if self._doing is not None and not self._doing.called:
            self._doing.cancel()
        return self._doing

    def status(self) -> int:
        if isinstance(self._result, Failure):
            self._result.raiseException()
        return self._result
