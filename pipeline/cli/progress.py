"""How far something is that takes long, on a terminal's standard error."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from typing import TextIO

__all__ = ["Progress"]

#: Seconds that pass before anything is shown, and between two pictures.
AT_FIRST, BETWEEN = 0.3, 0.1
_BAR = 24


class Progress:
    """A bar that grows; nothing at all where nobody watches, or where it would only flash up.

    :param stream: where it is drawn, if that is a terminal.
    :param total: how much there is to do.
    :param clock: tells seconds that only grow.
    """

    def __init__(
        self, stream: TextIO, total: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._stream = stream
        self._total = total
        self._clock = clock
        self._done = 0
        self._began = clock()
        self._next = self._began + AT_FIRST
        self._shows = stream.isatty() and total > 0
        self._drawn = False

    def advance(self, count: int) -> None:
        """So much more is done."""
        self._done += count
        now = self._clock()
        if self._shows and now >= self._next:
            self._next = now + BETWEEN
            self._draw(now)

    def reach(self, done: int, total: int) -> None:
        """So much is done, of so much as is known now."""
        self._total = total
        self._shows = self._stream.isatty() and total > 0
        self.advance(done - self._done)

    def clear(self) -> None:
        """Take the bar away, so that something else can be printed."""
        if self._drawn:
            self._stream.write("\r\033[K")
            self._stream.flush()
            self._drawn = False

    def _draw(self, now: float) -> None:
        share = min(1.0, self._done / self._total)
        full = round(share * _BAR)
        rate = self._done / max(now - self._began, 0.001)
        line = f"{'#' * full}{'.' * (_BAR - full)} {share:4.0%} {self._done}/{self._total}"
        line += f"  {rate:.0f}/s"
        self._stream.write(f"\r{line[: shutil.get_terminal_size().columns - 1]}\033[K")
        self._stream.flush()
        self._drawn = True
