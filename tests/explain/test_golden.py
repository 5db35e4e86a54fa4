"""The explanations of all configurations that come with the project, kept and read by eye.

``PIPELINE_GOLDEN=write python -m twisted.trial tests.explain.test_golden`` writes them anew; look
at what has changed then.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from twisted.trial.unittest import TestCase

from tests.cli.test_explain import explain
from tests.service.support import ROOT

GOLDEN = ROOT / "tests" / "golden" / "explain"


def configurations() -> list[Path]:
    """Every configuration in ``config/`` and ``examples/``."""
    found = (ROOT / folder for folder in ("config", "examples"))
    return sorted(path for folder in found for path in folder.rglob("*.yaml"))


def kept(text: str) -> str:
    """An explanation without what changes with every edit of the package: lines and widths."""
    told = text.replace(f"{ROOT}{os.sep}", "").splitlines(True)
    return "".join(_without_lines(line) if ".py:" in line else line for line in told)


def _without_lines(row: str) -> str:
    row = re.sub(r"(\bpipeline/[\w/]+\.py):\d+", r"\1:N", row)
    return re.sub(r"(?<=\S) {2,}(?=\S)", "  ", row)


class Golden(TestCase):
    """What is explained is what was read."""

    def test_golden(self) -> None:
        """Each file's explanation is the kept one, and there are no others."""
        for path in configurations():
            status, out, err = explain(str(path))
            self.assertEqual((0, ""), (status, err), path)
            golden = GOLDEN / f"{path.stem}.txt"
            if os.environ.get("PIPELINE_GOLDEN") == "write":
                golden.write_text(kept(out), encoding="utf-8")
            self.assertEqual(golden.read_text(encoding="utf-8"), kept(out), path)
        stems = {path.stem for path in configurations()}
        self.assertEqual(stems, {path.stem for path in GOLDEN.glob("*.txt")})
