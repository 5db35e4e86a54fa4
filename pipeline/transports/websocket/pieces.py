"""A message that comes in pieces."""

from __future__ import annotations

__all__ = ["Pieces", "TooLong"]


class TooLong(Exception):
    """A message has more bytes than it may."""


class Pieces:
    """Puts the pieces of a message together.

    :param most: bytes that it may have.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._pieces: list[str] = []
        self._size = 0

    def add(self, piece: str) -> None:
        """One more.

        :raise TooLong: it is too long now; what was there is forgotten.
        """
        self._size += len(piece) if piece.isascii() else len(piece.encode())
        if self._size > self._most:
            self.clear()
            raise TooLong
        # Of empty ones there may be any number.
        if piece:
            self._pieces.append(piece)

    def whole(self) -> str:
        """The message; the next piece begins another."""
        message = "".join(self._pieces)
        self.clear()
        return message

    def clear(self) -> None:
        """Forget what is there."""
        self._pieces.clear()
        self._size = 0
