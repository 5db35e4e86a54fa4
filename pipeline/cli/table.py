"""Rows in columns, as wide as a terminal."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from typing import TextIO

from pipeline.terminal import visible

__all__ = ["Table", "span", "visible"]

_GAP = "  "
#: The narrowest that the last column gets.
_NARROWEST = 10


class Table:
    """Columns whose widths the first rows decide; the last one gets what is left.

    On a terminal no line is longer than that is wide; elsewhere nothing is cut.

    :param stream: where it will be printed.
    :param head: the columns' titles.
    """

    def __init__(self, stream: TextIO, head: Sequence[str]) -> None:
        self._head = tuple(head)
        self._columns = shutil.get_terminal_size().columns if stream.isatty() else None
        self._widths: list[int] | None = None

    def lines(self, rows: Sequence[Sequence[str]]) -> Iterator[str]:
        """Some rows as lines; the first time with the titles above them."""
        rows = [[visible(cell) for cell in row] for row in rows]
        if self._widths is None:
            whole = [self._head, *rows]
            self._widths = [max(map(len, column)) for column in zip(*whole, strict=True)]
            yield self._line(self._head)
        for row in rows:
            yield self._line(row)

    def _line(self, row: Sequence[str]) -> str:
        assert self._widths is not None
        *cells, last = row
        padded = [cell.ljust(width) for cell, width in zip(cells, self._widths, strict=False)]
        start = _GAP.join([*padded, ""])
        if self._columns is not None:
            last = cut(last, max(_NARROWEST, self._columns - len(start)))
        return (start + last).rstrip()


def cut(text: str, width: int) -> str:
    """A text that is not longer than so many characters."""
    return text if len(text) <= width else text[: width - 1] + "…"


def span(seconds: float) -> str:
    """A time that has passed, in a word: ``45s``, ``12m``, ``3h``, ``9d``."""
    for unit, size, most in (("s", 1, 120), ("m", 60, 120), ("h", 3600, 48)):
        if seconds < size * most:
            return f"{max(0, int(seconds / size))}{unit}"
    return f"{int(seconds / 86400)}d"
