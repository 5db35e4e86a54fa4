"""Tests of pipeline.tasks.processes.output."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from pipeline.tasks.processes.output import Output
from pipeline.tasks.processes.speech import ALLOWED, LONGEST_LINE


class Lines(SynchronousTestCase):
    """Bytes become lines for the log."""

    def setUp(self) -> None:
        self.said: list[tuple[str, str]] = []
        self.output = Output(lambda level, text: self.said.append((level, text)), "info")

    def test_lines(self) -> None:
        """However they are cut, lines come out whole; the last at the end."""
        for data in (b"a", b"b\r\nc\n", b"d\xff"):
            self.output.feed(data)
        self.assertEqual([("info", "ab"), ("info", "c")], self.said)
        self.output.end()
        self.assertEqual(("info", "d\ufffd"), self.said[-1])
        self.output.end()
        self.assertEqual(3, len(self.said))

    def test_long(self) -> None:
        """A line without end is logged in parts."""
        for _ in range(3):
            self.output.feed(b"x" * LONGEST_LINE)
        self.output.end()
        self.assertEqual(3 * LONGEST_LINE, sum(len(text) for _, text in self.said))
        self.assertLessEqual(max(len(text) for _, text in self.said), LONGEST_LINE)

    def test_allowed(self) -> None:
        """Of each call so much is logged; of the rest, how much it was."""
        for _ in range(2):
            self.output.feed(b"x\n" * ALLOWED)
            self.assertEqual(ALLOWED // 2, len(self.said))
            self.output.begin()
            self.assertEqual(("warn", f"{ALLOWED:,} more bytes were not logged"), self.said.pop())
            self.said.clear()
