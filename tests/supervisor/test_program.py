"""Tests of pipeline.supervisor.program."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import TestCase

from pipeline.supervisor.program import command, environment


class Programs(TestCase):
    """Another Python finds what this one finds."""

    def test_path(self) -> None:
        """Its modules are looked for where ours are, whatever its folder; variables are added."""
        place = Path(self.mktemp()).absolute()
        place.mkdir()
        (place / "only_here.py").write_text("import os; print(os.environ['MINE'])")
        self.patch(sys, "path", [*sys.path, str(place)])
        done = subprocess.run(
            command("only_here"),
            env=environment(MINE="yes"),
            cwd=os.sep,
            capture_output=True,
            text=True,
            check=True,
        )
        self.assertEqual("yes\n", done.stdout)
