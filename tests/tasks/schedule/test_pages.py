"""docs/schedule.md is true: its files are written, checked and run; its numbers are the code's."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from pipeline.config.pages import with_tables
from pipeline.tasks import registry
from pipeline.tasks.schedule import crontab, once_per_day, run_every
from pipeline.tasks.schedule.cron import cron
from pipeline.tasks.schedule.due import ON_TIME
from pipeline.tasks.schedule.entry import CATCH_UP, MISSED, PATIENCE, Entry
from pipeline.tasks.schedule.every import LONGEST, SHORTEST, every
from pipeline.tasks.schedule.kept import AHEAD
from pipeline.tasks.schedule.scheduler import BEHIND, FORGOTTEN_AFTER
from tests.cli.test_check import check
from tests.service.support import ROOT, command
from tests.tasks.schedule.keeping import KeptCase
from tests.tasks.schedule.rhythms import following, local
from tests.test_tutorial import blocks

PAGE = "docs/schedule.md"
TEXT = (ROOT / PAGE).read_text(encoding="utf-8")


def written(case: Any) -> Path:
    """A folder with the files of the page, from which they can be imported."""
    folder = Path(case.mktemp()).absolute()
    folder.mkdir(parents=True)
    for block in blocks(PAGE):
        if block.file:
            (folder / block.file).write_text(block.text, encoding="utf-8")
    case.patch(sys, "path", [str(folder), *sys.path])
    case.patch(registry, "_known", dict(registry._known))
    for name in ("jobs", "look"):
        case.addCleanup(sys.modules.pop, name, None)
    return folder


class Files(TestCase):
    """Somebody does what the page says."""

    timeout = 120

    def test_check(self) -> None:
        """The configuration is right; with a mistake in it the line is named."""
        file = written(self) / "reports.yaml"
        self.assertEqual((0, ""), check(str(file))[::2])
        file.write_text(file.read_text().replace("America/New_York", "America/New_Yrk"))
        status, _, wrong = check(str(file))
        self.assertEqual(1, status)
        number = file.read_text().split("America/New_Yrk")[0].count("\n") + 1
        self.assertIn(f"reports.yaml:{number}:", wrong)
        self.assertIn("did you mean 'America/New_York'?", wrong)

    def test_runs(self) -> None:
        """It runs, and what comes often is called again and again, from YAML and from code."""
        process = command(self, "run", str(written(self) / "reports.yaml"), PYTHONUNBUFFERED="1")
        for text in ("news for often@example.org, of 20", "tidied up") * 2:
            process.wait_for(text)
        self.assertEqual(0, process.terminate()[0])


class Looking(KeptCase):
    """What is going on can be seen."""

    schedule_of = "reports"

    def test_look(self) -> None:
        """The next slots, and how far it has come."""
        written(self)
        look, jobs = (importlib.import_module(name) for name in ("look", "jobs"))
        upcoming = {name: len(times) for name, times in look.upcoming(3).items()}
        self.assertEqual({"jobs.report": 3, "weekly": 3}, upcoming)
        self.begin([*jobs.report.schedules, Entry("minutely", jobs.tidy, every("1m"))])
        self.pass_time(60)
        seen: list[Any] = []
        look.print = lambda *values: seen.append(values)
        self.successResultOf(Deferred.fromCoroutine(look.progress(self.looker)))
        self.assertEqual(["jobs.report", "minutely", "weekly"], [row[0] for row in seen])
        _, when, fired, due, *counts = seen[1]
        self.assertEqual(("every 60 s", [1, 0, 0]), (when, counts))
        self.assertEqual(60, (due - fired).total_seconds())
        self.assertEqual("5 4 * * * Europe/Berlin", seen[0][1].removeprefix("cron "))


class Claims(TestCase):
    """What the page says."""

    def test_options(self) -> None:
        """The table has every option as it is."""
        self.assertEqual(with_tables(TEXT), TEXT, f"python -m pipeline.config.pages {PAGE}")

    def test_changes_of_clocks(self) -> None:
        """The table of Berlin; test_cron has it in full."""
        said = dict(re.findall(r"^\| `([^`]+ \*)` \| ([^|]+) \|", TEXT, re.MULTILINE))
        table = {
            "30 2 * * *": ["3:00"],
            "10,40 2 * * *": ["3:00"],
            "15 * * * *": ["1:15", "3:15"],
            "*/30 2 * * *": [],
        }
        self.assertEqual(set(table), set(said))
        for text, expected in table.items():
            slots = following(cron(text, "Europe/Berlin"), "2026-03-29 00:00", 2)
            found = [local(slot, "Europe/Berlin") for slot in slots]
            times = [each[3:8].lstrip("0") for each in found if each < "29 04"]
            self.assertEqual(expected, times, text)
            for time in expected:
                self.assertIn(time, said[text])

    def test_numbers(self) -> None:
        """Spans of time."""
        self.assertEqual((10_000, 3600.0, 86400.0), (ON_TIME, CATCH_UP, PATIENCE))
        self.assertEqual((1.0, 366 * 86400.0), (SHORTEST, LONGEST))
        self.assertEqual((3_600_000, 0.5, 30), (AHEAD, BEHIND[1], FORGOTTEN_AFTER // 86_400_000))
        rows = re.findall(r"^\| `(skip|last|all)`", TEXT, re.MULTILINE)
        self.assertEqual(MISSED, tuple(rows))

    def test_names(self) -> None:
        """redis-tasks' names."""
        texts = [str(crontab("5 4 * * *")), str(run_every(hours=1)), str(once_per_day("4:05"))]
        self.assertEqual(["cron 5 4 * * * UTC", "every 3600 s", "cron 5 4 * * * UTC"], texts)
