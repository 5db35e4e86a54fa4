"""What is counted is well named, and the page about it is made of it."""

from __future__ import annotations

import re
from pathlib import Path

from twisted.trial.unittest import TestCase

from pipeline.observe.catalogue import CATALOGUE, table

PAGE = Path(__file__).resolve().parents[2] / "docs" / "monitoring.md"


class Catalogue(TestCase):
    """Names as Prometheus wants them."""

    def test_names(self) -> None:
        """Ours begin with our name; what has a unit says so in its name."""
        for name, measure in CATALOGUE.items():
            self.assertRegex(name, r"^pipeline_[a-z_]+$")
            self.assertFalse(name.endswith("_total"), name)
            if measure.kind == "histogram":
                self.assertTrue(name.endswith("_seconds"), name)
                self.assertEqual(sorted(set(measure.bounds)), list(measure.bounds))
            else:
                self.assertEqual((), measure.bounds)

    def test_shown(self) -> None:
        """A counter is shown with its ending."""
        self.assertTrue(CATALOGUE["pipeline_dead_letters"].shown.endswith("letters_total"))
        self.assertEqual("pipeline_in_flight", CATALOGUE["pipeline_in_flight"].shown)

    def test_page(self) -> None:
        """The page has them all, in a table that is made of them."""
        found = re.search(r"\| Name \| Type .*?\n\n", PAGE.read_text(encoding="utf-8"), re.DOTALL)
        assert found is not None
        self.assertEqual(list(table()), found[0].strip().split("\n"))
