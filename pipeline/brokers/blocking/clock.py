"""A clock for code that wants one where no reactor runs."""

from __future__ import annotations

import time

from twisted.internet.task import Clock

__all__ = ["BlockingClock"]


class BlockingClock(Clock):
    """Tells the time; what is to be called later is called when somebody turns it."""

    def __init__(self) -> None:
        super().__init__()
        self.rightNow = time.time()

    def seconds(self) -> float:
        """Seconds since the epoch."""
        return time.time()

    def turn(self) -> bool:
        """Call what is due.

        :return: whether anything was.
        """
        due = bool(self.calls) and self.calls[0].getTime() <= self.seconds()
        self.advance(max(0.0, time.time() - self.rightNow))
        return due
