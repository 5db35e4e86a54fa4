"""Turns the clock of workers in memory while they have something to do, and no further."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

from twisted.internet.task import Clock, deferLater

__all__ = ["Turning"]

#: Seconds that pass really before the clock is turned at all, for threads that are nearly done.
AT_FIRST = 0.1
#: Seconds that pass really between two looks.
POLL = 0.002


class Turning:
    """Time that passes only for what is waited for.

    What is under way in threads or outside takes real time; what waits for the clock gets it at
    once.

    :param reactor: the one that runs.
    :param most: how many seconds of the clock may pass.
    :param patience: how many seconds may really pass once nothing more waits for the clock.
    :ivar clock: the workers' clock; it begins with the time of day.
    """

    def __init__(self, reactor: Any, most: float, patience: float) -> None:
        self.clock = Clock()
        self.clock.advance(time.time())
        self._reactor = reactor
        self._most = most
        self._patience = patience
        self._began = self.clock.seconds()

    def allow(self, seconds: float) -> None:
        """Let so much pass from now on, at the most."""
        self._most = self.passed + seconds

    @property
    def passed(self) -> float:
        """How many seconds of the clock have passed."""
        return float(self.clock.seconds() - self._began)

    async def until(
        self, is_done: Callable[[], Awaitable[bool]], progress: Callable[[], Any]
    ) -> bool:
        """Let happen what happens until something is done.

        :param is_done: says so.
        :param progress: gives something that is another thing when something has happened.
        :return: whether it is done; else nothing more happens within the limits.
        """
        seen, since = progress(), self._reactor.seconds()
        while not await self._is_quiet(is_done):
            now = self._reactor.seconds()
            if progress() != seen:
                seen, since = progress(), now
                continue
            if now - since >= AT_FIRST and not self._turned() and now - since >= self._patience:
                return False
            await deferLater(self._reactor, POLL)
        return True

    async def _is_quiet(self, is_done: Callable[[], Awaitable[bool]]) -> bool:
        self.clock.advance(0)
        return await is_done()

    def _turned(self) -> bool:
        """Go to what is due next, if that is within the limit."""
        due = min((call.getTime() for call in self.clock.getDelayedCalls()), default=None)
        if due is None or due - self._began > self._most:
            return False
        self.clock.advance(max(0.0, due - self.clock.seconds()))
        return True
