"""Bytes that come from a process, cut into lines."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["LONGEST", "Lines"]

#: Bytes of a line; what is longer comes in pieces.
LONGEST = 16 * 1024


class Lines:
    """Gives each line when it is complete.

    :param take: takes a line, without its end.
    """

    def __init__(self, take: Callable[[bytes], None]) -> None:
        self._take = take
        self._begun = b""

    def feed(self, data: bytes) -> None:
        """Some bytes have come."""
        *lines, self._begun = (self._begun + data).split(b"\n")
        for line in lines:
            self._cut(line)
        while len(self._begun) > LONGEST:
            self._take(self._begun[:LONGEST])
            self._begun = self._begun[LONGEST:]

    def end(self) -> None:
        """Nothing more will come."""
        begun, self._begun = self._begun, b""
        if begun:
            self._cut(begun)

    def _cut(self, line: bytes) -> None:
        for start in range(0, max(1, len(line)), LONGEST):
            self._take(line[start : start + LONGEST].rstrip(b"\r"))
