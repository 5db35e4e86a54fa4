"""By how much the reactor is late: what everything in a process has to wait for the others."""

from __future__ import annotations

from typing import Any

from pipeline.observe.meter import Histogram
from pipeline.ticks import TICK, until_tick

__all__ = ["EVERY", "Lag"]

#: Seconds between two looks.
EVERY = TICK


class Lag:
    """Asks the reactor to be called at a time, and sees when it is.

    :param clock: the reactor.
    :param lateness: is told, in seconds.
    """

    def __init__(self, clock: Any, lateness: Histogram) -> None:
        self._clock = clock
        self._lateness = lateness
        self._due = 0.0
        self._call: Any = None

    def start(self) -> None:
        """Look from now on."""
        wait = until_tick(self._clock, EVERY)
        self._due = self._clock.seconds() + wait
        self._call = self._clock.callLater(wait, self._look)

    def stop(self) -> None:
        """Look no more."""
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _look(self) -> None:
        self._lateness.observe(self._clock.seconds() - self._due)
        self.start()
