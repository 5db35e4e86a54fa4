"""Tests of pipeline.transports.websocket.pieces."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from pipeline.transports.websocket.pieces import Pieces, TooLong


class Together(TestCase):
    """Pieces become a message, within its bound."""

    def setUp(self) -> None:
        self.pieces = Pieces(6)

    def test_whole(self) -> None:
        """Pieces are put together in their order; the next one begins anew."""
        for piece in ("a", "", "bc"):
            self.pieces.add(piece)
        self.assertEqual("abc", self.pieces.whole())
        self.assertEqual("", self.pieces.whole())

    def test_bytes(self) -> None:
        """Bytes are counted, not characters."""
        self.pieces.add("äää")
        self.assertRaises(TooLong, self.pieces.add, "a")
        self.assertEqual("", self.pieces.whole())

    def test_exact(self) -> None:
        """A message may be as long as the bound, in one piece or many."""
        self.pieces.add("abcdef")
        self.assertEqual("abcdef", self.pieces.whole())
        for piece in "abcdef":
            self.pieces.add(piece)
        self.assertEqual("abcdef", self.pieces.whole())

    def test_empty(self) -> None:
        """Nothing is kept of empty pieces, of which there may be any number."""
        for _ in range(1000):
            self.pieces.add("")
        self.assertEqual([], self.pieces._pieces)
