"""Text that may come from anybody, made harmless."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from pipeline.terminal import harmless, one_event, visible


class Terminal(SynchronousTestCase):
    def test_visible(self) -> None:
        """On one line nothing is left that a terminal would obey, and letters stay letters."""
        self.assertEqual("a\\x1b[31mé\\n", visible("a\x1b[31mé\n"))
        self.assertEqual("\\x9b2J \\u202e \\u2028", visible("\x9b2J \u202e \u2028"))

    def test_harmless(self) -> None:
        """Lines stay lines."""
        self.assertEqual("é a\n  b\\r", harmless("é a\n  b\r"))

    def test_one_event(self) -> None:
        """No further line begins where a line of the log does."""
        forged = "no such user\n12:00:00 all is well\r12:00:00 really\n"
        self.assertEqual(
            "no such user\n    12:00:00 all is well\\r12:00:00 really\n    ", one_event(forged)
        )
