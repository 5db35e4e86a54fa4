"""The page about several processes says what is so."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from twisted.trial.unittest import TestCase

from pipeline.config.pages import with_tables
from pipeline.service.build import load
from pipeline.supervisor import child, lines, output, overlook, pace, seat, supervisor
from pipeline.supervisor.planning import plan_of
from tests.service.support import written

PAGE = Path(__file__).resolve().parents[2] / "docs" / "supervisor.md"
TEXT = PAGE.read_text(encoding="utf-8")


class Page(TestCase):
    """docs/supervisor.md; what it says of processes is tried in test_service."""

    def test_options(self) -> None:
        """Its table has every option as it is declared."""
        self.assertEqual(TEXT, with_tables(TEXT))

    def test_example(self) -> None:
        """The example has a plan."""
        self.patch(sys, "path", list(sys.path))
        [example] = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
        plan = plan_of(load(written(self, example)))
        self.assertEqual((2, 300 * 1024**2), (plan.processes, plan.max_memory))

    def test_numbers(self) -> None:
        """The numbers in it are those of the code."""
        told = " ".join(TEXT.split())
        self.assertEqual(5, pace.LOOP)
        for said in (
            f"Another one is started {pace.FIRST:g} s later",
            f"up to {pace.LONGEST:g} s. All is forgotten when one has run for {pace.STEADY:g} s",
            f"Five times within {pace.WITHIN:g} s",
            f"has its last {child.LAST_WORDS} lines",
            f"killed {seat.HUNG_GRACE:g} s later",
            f"Looked at every {supervisor.WEIGH:g} s",
            f"What still runs {seat.GRACE:g} s after that is killed",
            f"cut after {lines.LONGEST // 1024} kB",
            f"{output.ROOM // 1024**2} MB are kept",
            f"every {overlook.LOOK:g} s for `/live`",
        ):
            self.assertIn(said, told)
        self.assertEqual(60, supervisor.REST)
