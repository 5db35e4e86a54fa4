"""The lines of a client that may still be answered."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater

__all__ = ["Unanswered"]

#: How many lines of a client are remembered; of more, the oldest count as answered.
MOST = 1000


class Unanswered:
    """Knows which messages have no reply yet.

    Not every message gets one, so a message is waited for only for a time.

    :param clock: an IReactorTime.
    :param patience: seconds for which a message may be waited for.
    """

    def __init__(self, clock: Any, patience: float) -> None:
        self._clock = clock
        self._patience = patience
        self._since: dict[str, float] = {}
        self._pause: Deferred[None] | None = None

    def __len__(self) -> int:
        return len(self._since)

    def add(self, id: str) -> None:
        """A message goes out now."""
        if len(self._since) >= MOST:
            del self._since[next(iter(self._since))]
        self._since[id] = self._clock.seconds()

    def discard(self, id: str | None) -> None:
        """A message has its reply, or will have none."""
        if id is not None:
            self._since.pop(id, None)
        if not self._since:
            self.wait_no_more()

    async def wait(self) -> None:
        """Wait until all have their replies, or have had the time for them."""
        while self._since:
            oldest = next(iter(self._since))
            left = self._since[oldest] + self._patience - self._clock.seconds()
            if left <= 0:
                del self._since[oldest]
            else:
                await self._rest(left)

    def wait_no_more(self) -> None:
        """End a :meth:`wait`, if there is one, as if all had been answered."""
        self._since.clear()
        if self._pause is not None:
            self._pause.cancel()

    async def _rest(self, seconds: float) -> None:
        self._pause = deferLater(self._clock, seconds)
        try:
            await self._pause
        except CancelledError:
            return
        finally:
            self._pause = None
