"""Tests of pipeline.__main__."""

from __future__ import annotations

import subprocess
import sys

from twisted.trial.unittest import TestCase

from tests.service.support import ROOT


class Main(TestCase):
    """``python -m pipeline`` is the command."""

    def test_main(self) -> None:
        """It takes the same arguments, and ends with the same status."""
        done = subprocess.run(
            [sys.executable, "-m", "pipeline", "check", "not-there.yaml"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(1, done.returncode)
        self.assertIn("not-there.yaml", done.stderr)
