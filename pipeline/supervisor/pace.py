"""How soon a process that has ended is started again."""

from __future__ import annotations

from collections import deque

__all__ = ["Pace"]

#: Seconds: the first wait, which doubles, and the longest.
FIRST, LONGEST = 0.1, 30.0
#: Seconds that a process must have run for all to be well again.
STEADY = 60.0
#: So many ends within so many seconds are a crash loop.
LOOP, WITHIN = 5, 60.0


class Pace:
    """Says how long to wait, and whether it is hopeless.

    :ivar is_looping: it has crashed again and again; true until it has run for a while.
    """

    def __init__(self) -> None:
        self.is_looping = False
        self._wait = FIRST
        self._ends: deque[float] = deque(maxlen=LOOP)

    def ended(self, now: float, lived: float) -> float:
        """It has ended, unasked.

        :param now: the time, in seconds.
        :param lived: how long it has run.
        :return: seconds to wait.
        """
        if lived >= STEADY:
            self.steady()
        self._ends.append(now)
        self.is_looping = self.is_looping or self._is_loop()
        wait = LONGEST if self.is_looping else self._wait
        self._wait = min(LONGEST, self._wait * 2)
        return wait

    def steady(self) -> None:
        """It runs for long enough, or is another one now."""
        self.is_looping = False
        self._wait = FIRST
        self._ends.clear()

    def _is_loop(self) -> bool:
        return len(self._ends) == LOOP and self._ends[-1] - self._ends[0] <= WITHIN
