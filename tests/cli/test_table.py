"""Tables fit, and say nothing to the terminal."""

from __future__ import annotations

import io

from twisted.trial.unittest import SynchronousTestCase

from pipeline.cli.table import Table, span, visible
from tests.cli.test_progress import Terminal


class Tables(SynchronousTestCase):
    """Rows as lines."""

    def test_fits(self) -> None:
        """On a terminal the last column is cut, elsewhere nothing is."""
        rows = [("1", "x" * 300), ("22", "short")]
        for stream, longest in ((Terminal(), 100), (io.StringIO(), 305)):
            head, first, second = Table(stream, ("ID", "TEXT")).lines(rows)
            self.assertEqual(("ID  TEXT", "22  short"), (head, second))
            self.assertLessEqual(len(first), longest)
        self.assertEqual(304, len(first))

    def test_more_rows(self) -> None:
        """Later rows have the first ones' columns, and no second head."""
        table = Table(io.StringIO(), ("ID", "N"))
        list(table.lines([("long-id", "1")]))
        self.assertEqual(["2        3"], list(table.lines([("2", "3")])))

    def test_visible(self) -> None:
        """What a terminal would obey is written out."""
        self.assertEqual("a\\x1b[31mé\\n", visible("a\x1b[31mé\n"))

    def test_span(self) -> None:
        """A time in one word."""
        spans = [-5, 0, 119, 120, 7199, 7200, 172799, 172800]
        self.assertEqual(
            ["0s", "0s", "119s", "2m", "119m", "2h", "47h", "2d"], [span(s) for s in spans]
        )
