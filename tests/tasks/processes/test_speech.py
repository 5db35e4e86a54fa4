"""Tests of pipeline.tasks.processes.speech; all of it in real children, in test_task_processes."""

from __future__ import annotations

from typing import Any

from pipeline.tasks.processes.speech import ALLOWED, LONGEST_LINE, Speech
from tests.tasks.processes.pipes import ChannelCase


class Lines(ChannelCase):
    """What is printed becomes lines for the log."""

    def setUp(self) -> None:
        super().setUp()
        self.speech = Speech(self.channel)
        self.out: Any = self.speech._streams[0]

    def lines(self) -> list[str]:
        """What was said."""
        return [each.text for each in self.heard()]

    def test_lines(self) -> None:
        """Lines are said when they are whole, or at the end of their call."""
        self.speech.begin(4)
        print("a", end="", file=self.out)
        self.assertEqual([], self.lines())
        print("b\nc", end="", file=self.out)
        (said,) = self.heard()
        self.assertEqual(
            (4, "info", "stdout", "ab"), (said.number, said.level, said.source, said.text)
        )
        self.speech.end()
        self.assertEqual(["c"], self.lines())

    def test_flushed(self) -> None:
        """Who flushes wants it said now."""
        print("50 %", end="", file=self.out, flush=True)
        self.assertEqual(["50 %"], self.lines())

    def test_strange(self) -> None:
        """What is no character is written out, and a line without end is cut."""
        print("\udc80", file=self.out)
        print("x" * (LONGEST_LINE + 1), file=self.out)
        self.assertEqual(["\\udc80", "x" * LONGEST_LINE, "x"], self.lines())

    def test_much(self) -> None:
        """After so much of a call the rest is counted; the next call begins anew."""
        self.speech.begin(1)
        lines = []
        for _ in range(2 * ALLOWED // 1000):
            print("y" * 999, file=self.out)
            lines += self.lines()
        self.speech.end()
        lines += self.lines()
        self.assertLessEqual(sum(map(len, lines[:-1])), ALLOWED)
        self.assertRegex(lines[-1], r"^26\d,\d{3} more characters were not logged$")
        self.speech.begin(2)
        print("z", file=self.out)
        self.assertEqual(["z"], self.lines())
