"""docs/middleware/writing.md is true: its files are written, its commands are run, in its order."""

from __future__ import annotations

import re

from twisted.trial.unittest import TestCase

from tests.service.support import ROOT
from tests.test_tutorial import Reader, blocks

PAGE = "docs/middleware/writing.md"


class Writing(TestCase):
    """Somebody who implements a middleware."""

    timeout = 180

    def test_page(self) -> None:
        """Every file works, and every command says what it should; the tests of the page pass."""
        self.assertGreater(Reader(self).follow(PAGE), 9)

    def test_every_block(self) -> None:
        """Every block is a file or commands, and so is tried."""
        for block in blocks(PAGE):
            self.assertTrue(block.file or block.language == "console", block.text)

    def test_handlers(self) -> None:
        """The table of handlers has every handler there is."""
        from pipeline.middleware.families import HOOKS, Family

        told = set(re.findall(r"`(handle_\w+)`", (ROOT / PAGE).read_text(encoding="utf-8")))
        self.assertEqual(set(HOOKS[Family.MESSAGE]), told)
