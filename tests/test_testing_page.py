"""The page about testing: every example runs."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

from twisted.trial.unittest import SkipTest, TestCase

from pipeline.testing.messages import MessageHelper
from tests.service.support import ROOT

TEXT = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")
EXAMPLES = "\n\n".join(re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL))


class Page(TestCase):
    """What docs/testing.md shows."""

    timeout = 120

    def file(self) -> Path:
        """A file with all the examples, in their order."""
        folder = Path(self.mktemp()).absolute()
        folder.mkdir(parents=True)
        path = folder / "test_page.py"
        path.write_text(EXAMPLES, encoding="utf-8")
        return path

    def run_by(self, runner: str, what: str) -> str:
        """What a test runner says of them; they passed."""
        path = self.file()
        done = subprocess.run(
            [sys.executable, "-m", runner, what],
            cwd=path.parent,
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)
        return done.stdout

    def loaded(self) -> ModuleType:
        spec = importlib.util.spec_from_file_location("test_page", self.file())
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    def test_functions(self) -> None:
        """The tests that are functions pass, with no runner at all."""
        module = self.loaded()
        names = [name for name in vars(module) if name.startswith("test_")]
        self.assertGreater(len(names), 8)
        for name in names:
            getattr(module, name)()

    def test_trial(self) -> None:
        """Those that are classes pass in trial, also the one over a real server."""
        self.assertIn("PASSED (successes=5)", self.run_by("twisted.trial", "test_page"))

    def test_pytest(self) -> None:
        """The functions pass in pytest."""
        if importlib.util.find_spec("pytest") is None:
            raise SkipTest("pytest is not installed")
        self.assertIn("passed", self.run_by("pytest", "test_page.py"))

    def test_makers(self) -> None:
        """The table of makers has all of them."""
        makers = {name for name in dir(MessageHelper) if name.startswith("make_")}
        told = set(re.findall(r"`(make_\w+)\(", TEXT))
        self.assertEqual(makers - {"make_event", "make_user_message"}, told)
