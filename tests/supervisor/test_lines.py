"""Tests of pipeline.supervisor.lines."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from pipeline.supervisor.lines import LONGEST, Lines


class Cutting(TestCase):
    """Bytes become lines."""

    def setUp(self) -> None:
        self.taken: list[bytes] = []
        self.lines = Lines(self.taken.append)

    def test_whole(self) -> None:
        """A line is given when it is complete, however it came; the rest at the end."""
        for data in (b"on", b"e\ntwo\r\n\nthr", b"ee"):
            self.lines.feed(data)
        self.assertEqual([b"one", b"two", b""], self.taken)
        self.lines.end()
        self.lines.end()
        self.assertEqual([b"one", b"two", b"", b"three"], self.taken)

    def test_long(self) -> None:
        """What never ends a line is given in pieces, and not kept."""
        self.lines.feed(b"x" * (3 * LONGEST + 5))
        self.assertEqual([LONGEST] * 3, [len(each) for each in self.taken])
        self.lines.feed(b"y" * LONGEST + b"\n")
        self.assertEqual(5 + LONGEST, sum(len(each) for each in self.taken[3:]))
