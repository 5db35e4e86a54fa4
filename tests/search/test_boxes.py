"""Tests of pipeline.search.boxes."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from pipeline.search.boxes import report
from pipeline.search.findings import Finding
from pipeline.search.plain import columns

TRACEBACK = 'Traceback (most recent call last):\n  File "shop.py", line 3, in price\nKeyError: 1\n'

GOLDEN = """\
+------------------------------------------------------------------------------+
| What is a KeyError?                                                          |
| 1 vote                                                                       |
+------------------------------------------------------------------------------+
| No answer.                                                                   |
+------------------------------------------------------------------------------+

+------------------------------------------------------------------------------+
| How do I look a key up that may not be there, in a dict that somebody else   |
| has made?                                                                    |
| https://stackoverflow.com/q/1                                                |
| 12 votes                                                                     |
+------------------------------------------------------------------------------+
| Best answer, 7 votes:                                                        |
|                                                                              |
| Ask for it:                                                                  |
|                                                                              |
|     prices.get("tea")                                                        |
+------------------------------------------------------------------------------+

Traceback (most recent call last):
  File "shop.py", line 3, in price
KeyError: 1
"""


class Reports(SynchronousTestCase):
    """What a developer sees."""

    def test_golden(self) -> None:
        """Boxes of 80 columns, the best last, then the exception."""
        best = Finding(
            "How do I look a key up that may not be there, in a dict that somebody else has made?",
            "https://stackoverflow.com/q/1",
            12,
            'Ask for it:\n\n    prices.get("tea")',
            7,
        )
        self.assertEqual(GOLDEN, report([best, Finding("What is a KeyError?", "", 1)], TRACEBACK))

    def test_three(self) -> None:
        """The three with the most votes are shown, and no other."""
        shown = report([Finding(f"q{votes}", votes=votes) for votes in (1, 5, 2, 9)], "E")
        self.assertEqual(["q2", "q5", "q9"], [w for w in shown.split() if w.startswith("q")])

    def test_note(self) -> None:
        """What says more than votes stands where they would."""
        shown = report([Finding("a", votes=3, note="failed 3 times")], "E")
        self.assertIn("| failed 3 times ", shown)
        self.assertNotIn("votes", shown)

    def test_nothing(self) -> None:
        """When nothing was found, that is said."""
        self.assertEqual(f"No result found.\n\n{TRACEBACK}", report([], TRACEBACK))

    def test_foreign(self) -> None:
        """No escape of a title, a link, an answer or an exception reaches the terminal."""
        evil = "\x1b]0;x\x07\u202e"
        shown = report([Finding(evil, f"https://{evil}", 1, evil * 3, 1)], f"KeyError: {evil}")
        self.assertTrue(all(each == "\n" or each.isprintable() for each in shown))

    def test_bounds(self) -> None:
        """However much is said, a box has an end, and is 80 columns wide."""
        finding = Finding("標" * 5000, "https://" + "x" * 5000, 3, "y " * 50_000, -4)
        lines = report([finding], "E").split("\n\n")[0].split("\n")
        self.assertEqual({80}, {columns(line) for line in lines})
        self.assertLess(len(lines), 50)
        self.assertEqual(3, sum("(...)" in line for line in lines))
