"""The page that names the function of each step of a message's way."""

from __future__ import annotations

import re
from pathlib import Path

from twisted.python.reflect import namedAny
from twisted.trial.unittest import TestCase

import pipeline

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "way-of-a-message.md").read_text(encoding="utf-8")


class WayOfAMessage(TestCase):
    """docs/way-of-a-message.md tells what is there."""

    def test_functions(self) -> None:
        """Every function that the page names exists."""
        named = re.findall(r"`(pipeline\.[\w.]+)`", PAGE)
        self.assertGreater(len(named), 25)
        for name in named:
            namedAny(name)

    def test_scripts(self) -> None:
        """Every script that the page names exists."""
        folder = Path(pipeline.__file__).parent / "brokers" / "redis"
        for name in re.findall(r"`(\w+\.lua)`", PAGE):
            self.assertTrue((folder / name).exists(), name)
