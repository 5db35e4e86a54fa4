"""Tests of pipeline.transports.lines.incoming."""

from __future__ import annotations

from hypothesis import strategies as st
from twisted.trial.unittest import TestCase

from pipeline.transports.lines.incoming import Incoming, Odd
from tests.properties import given


def taken(incoming: Incoming) -> list[bytes | Odd]:
    """All that can be taken now."""
    lines = []
    while (line := incoming.take()) is not Odd.NOT_YET:
        lines.append(line)
    return lines


class Lines(TestCase):
    """Bytes become lines."""

    def test_ends(self) -> None:
        """Both ends of a line are taken, and a half line is none."""
        incoming = Incoming(10)
        incoming.add(b"one\r\ntwo\n\nhalf")
        self.assertEqual([b"one", b"two", b""], taken(incoming))
        incoming.add(b" way\r")
        self.assertEqual([], taken(incoming))
        incoming.add(b"\n")
        self.assertEqual([b"half way"], taken(incoming))

    def test_longest(self) -> None:
        """A line may be as long as the limit, its end not counted."""
        incoming = Incoming(3)
        incoming.add(b"abc\r\nabc\nabcd\nabcd\r\n")
        self.assertEqual([b"abc", b"abc", Odd.TOO_LONG, Odd.TOO_LONG], taken(incoming))

    def test_too_long(self) -> None:
        """A line that is too long is told of at once and once; what follows it is taken."""
        incoming = Incoming(3)
        incoming.add(b"abcde")
        self.assertEqual([Odd.TOO_LONG], taken(incoming))
        for _ in range(3):
            incoming.add(b"more")
            self.assertEqual([], taken(incoming))
            self.assertEqual(0, len(incoming))
        incoming.add(b"\nok\n")
        self.assertEqual([b"ok"], taken(incoming))

    @given(st.lists(st.text("ab\r\n", max_size=8)))
    def test_pieces(self, pieces: list[str]) -> None:
        """However it is cut into pieces, the lines are the same; no more is kept than a line."""
        whole, cut, lines = Incoming(4), Incoming(4), []
        whole.add("".join(pieces).encode())
        for piece in pieces:
            cut.add(piece.encode())
            lines += taken(cut)
            self.assertLessEqual(len(cut), 5)
        self.assertEqual(taken(whole), lines)
