"""Pauses that end when the transport stops."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred

__all__ = ["Rest"]


class Rest:
    """Lets several wait, each for a time of its own, until all is over.

    :param clock: an IReactorTime.
    """

    def __init__(self, clock: Any) -> None:
        self.is_over = False
        self._clock = clock
        self._resting: set[Deferred[None]] = set()

    async def take(self, seconds: float | None = None) -> None:
        """Wait, but no longer than to the end.

        :param seconds: None: until the end.
        """
        if self.is_over:
            return
        resting: Deferred[None] = Deferred()
        self._resting.add(resting)
        late = None if seconds is None else self._clock.callLater(seconds, resting.callback, None)
        try:
            await resting
        except CancelledError:
            return
        finally:
            self._resting.discard(resting)
            if late is not None and late.active():
                late.cancel()

    def end(self) -> None:
        """Let nobody wait any longer, now or later."""
        self.is_over = True
        for resting in list(self._resting):
            resting.cancel()
