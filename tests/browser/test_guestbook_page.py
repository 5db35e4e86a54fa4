"""docs/guestbook.md is true: its commands are run, in its order."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from twisted.trial.unittest import SkipTest, TestCase

from tests.browser.site import Site
from tests.quick import SKIP
from tests.service.support import PATIENCE
from tests.test_tutorial import blocks, steps

PAGE = "docs/guestbook.md"


class Page(TestCase):
    """Somebody who does what the page says."""

    skip = SKIP

    timeout = 180

    def setUp(self) -> None:
        if shutil.which("curl") is None:
            raise SkipTest("no curl")
        self.folder = Path(self.mktemp())
        self.folder.mkdir()

    def said(self, command: str) -> str:
        """What a command says."""
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        self.assertEqual(0, done.returncode, (command, done.stderr))
        return done.stdout

    def test_commands(self) -> None:
        """Every command by curl says what the page says; the others start what runs here."""
        site = Site(self)
        count = 0
        for block in blocks(PAGE):
            for command, expected in steps(block.text):
                if "pipeline run" in command:
                    self.assertIn("examples/guestbook/guestbook.yaml", command)
                    continue
                count += 1
                said = self.said(command.replace("http://127.0.0.1:8080", site.url))
                for line in expected:
                    self.assertIn(line, said, command)
        self.assertGreater(count, 10)
