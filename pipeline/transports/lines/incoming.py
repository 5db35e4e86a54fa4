"""What a client has sent and nobody has looked at yet, taken line by line."""

from __future__ import annotations

from enum import Enum

__all__ = ["Incoming", "Odd"]


class Odd(Enum):
    """What comes in the place of a line."""

    #: There is no whole line yet.
    NOT_YET = "not yet"
    #: A line had more bytes than it may; what else there is of it will be left out.
    TOO_LONG = "too long"


class Incoming:
    """Bytes that are cut into lines when somebody takes them.

    Lines end with a line feed; a carriage return before it belongs to the end. Of a line that is
    too long nothing is kept.

    :param max_line: the bytes that a line may have, without its end.
    """

    def __init__(self, max_line: int) -> None:
        self._max_line = max_line
        self._bytes = bytearray()
        self._searched = 0
        self._is_skipping = False

    def __len__(self) -> int:
        return len(self._bytes)

    def add(self, data: bytes) -> None:
        """More has come."""
        self._bytes += data

    def take(self) -> bytes | Odd:
        """The next line, or what stands in its place."""
        if self._is_skipping and not self._skip():
            return Odd.NOT_YET
        at = self._bytes.find(b"\n", self._searched)
        if at < 0:
            return self._half()
        line = bytes(self._bytes[:at]).removesuffix(b"\r")
        self._drop(at + 1)
        return Odd.TOO_LONG if len(line) > self._max_line else line

    def _half(self) -> Odd:
        self._searched = len(self._bytes)
        # The last byte may be the first half of the line's end.
        if self._searched <= self._max_line + 1:
            return Odd.NOT_YET
        self._drop(self._searched)
        self._is_skipping = True
        return Odd.TOO_LONG

    def _skip(self) -> bool:
        """Leave out the rest of a line; False if its end hasn't come."""
        at = self._bytes.find(b"\n")
        self._drop(len(self._bytes) if at < 0 else at + 1)
        self._is_skipping = at < 0
        return at >= 0

    def _drop(self, count: int) -> None:
        del self._bytes[:count]
        self._searched = 0
