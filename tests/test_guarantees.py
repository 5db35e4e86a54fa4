"""The page of the guarantees names what proves each."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

from twisted.trial.unittest import TestCase

from tests.faults.scenarios import SCENARIOS

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "guarantees.md").read_text(encoding="utf-8")


class Guarantees(TestCase):
    """docs/guarantees.md promises nothing that isn't tried."""

    def test_scenarios(self) -> None:
        """The scenarios that the page names exist, and it leaves none out."""
        named: set[str] = set()
        for listed in re.findall(r"Scenarios? ((?:`\w+`[,\s]*)+)", PAGE):
            named.update(re.findall(r"`(\w+)`", listed))
        self.assertEqual(set(SCENARIOS), named)

    def test_modules(self) -> None:
        """The tests and benchmarks that the page names exist."""
        for name in re.findall(r"(?:`|-m )((?:tests|benchmarks|pipeline\.testing)\.[\w.]+)", PAGE):
            self.assertIsNotNone(find_spec(name), name)

    def test_links(self) -> None:
        """The pages that it links to exist."""
        for link in re.findall(r"\]\(([\w/-]+\.md)\)", PAGE):
            self.assertTrue((ROOT / "docs" / link).exists(), link)
