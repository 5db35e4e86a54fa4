"""The requests that wait for a reply, and the one sweep that ends their time."""

from __future__ import annotations

from heapq import heappop, heappush
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import LoopingCall

from pipeline.errors import ResultTimeout

__all__ = ["WaitingRequests"]

#: Seconds between two looks for requests whose time is over.
SWEEP = 0.1


class WaitingRequests:
    """Finds the request that a reply is for.

    :param clock: an IReactorTime.
    """

    def __init__(self, clock: Any) -> None:
        self._clock = clock
        self._waiting: dict[str, list[Deferred[Any]]] = {}
        self._due: list[tuple[float, int, str, Deferred[Any]]] = []
        self._count = 0
        self._added = 0
        self._sweep = LoopingCall(self._end_overdue)
        self._sweep.clock = clock
        self._empty: list[Deferred[None]] = []

    def __len__(self) -> int:
        return self._count

    def __contains__(self, id: str) -> bool:
        return id in self._waiting

    def add(self, id: str, seconds: float) -> Deferred[Any]:
        """Wait for the reply to a message. Several requests may wait for one.

        :param id: of the message.
        :param seconds: how long.
        :return: a Deferred of the reply; fails with ResultTimeout. Cancel it to wait no more.
        """
        waiting: Deferred[Any] = Deferred(lambda _: self._forget(id, waiting))
        self._waiting.setdefault(id, []).append(waiting)
        self._count += 1
        self._added += 1
        heappush(self._due, (self._clock.seconds() + seconds, self._added, id, waiting))
        if not self._sweep.running:
            self._sweep.start(SWEEP, now=False)
        return waiting

    def answer(self, id: str | None, reply: Any) -> bool:
        """Give a reply to who waits for it.

        :return: whether anyone did.
        """
        answered = self._waiting.pop(id or "", [])
        for waiting in answered:
            self._count -= 1
            waiting.callback(reply)
        self._when_changed()
        return bool(answered)

    def fail_all(self, error: Exception) -> None:
        """End all waiting with an error."""
        for id, all_waiting in list(self._waiting.items()):
            for waiting in list(all_waiting):
                self._fail(id, waiting, error)

    def when_empty(self) -> Deferred[None]:
        """A Deferred that fires when nobody waits."""
        if not self._count:
            return succeed(None)
        empty: Deferred[None] = Deferred(self._empty.remove)
        self._empty.append(empty)
        return empty

    def _end_overdue(self) -> None:
        now = self._clock.seconds()
        while self._due and self._due[0][0] <= now:
            _, _, id, waiting = heappop(self._due)
            if not waiting.called:
                self._fail(id, waiting, ResultTimeout(id))
        # Those that were answered long before their time must not be kept until then.
        if len(self._due) > 2 * self._count + 100:
            self._due = sorted(entry for entry in self._due if not entry[3].called)

    def _fail(self, id: str, waiting: Deferred[Any], error: Exception) -> None:
        self._forget(id, waiting)
        waiting.errback(error)

    def _forget(self, id: str, waiting: Deferred[Any]) -> None:
        all_waiting = self._waiting[id]
        all_waiting.remove(waiting)
        if not all_waiting:
            del self._waiting[id]
        self._count -= 1
        self._when_changed()

    def _when_changed(self) -> None:
        if self._count:
            return
        self._due.clear()
        if self._sweep.running:
            self._sweep.stop()
        empty, self._empty = self._empty, []
        for each in empty:
            each.callback(None)
