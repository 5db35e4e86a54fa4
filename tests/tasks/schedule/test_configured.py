"""Tests of pipeline.tasks.schedule.configured."""

from __future__ import annotations

import textwrap
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipeline.config.source import parse_document
from pipeline.errors import ConfigError
from pipeline.tasks.collecting import collect
from pipeline.tasks.registry import Task
from pipeline.tasks.schedule.configured import (
    ConfigSchedule,
    EntryConfig,
    entries_of,
    kept_elsewhere,
)
from pipeline.tasks.schedule.cron import cron, once_per_day
from pipeline.tasks.schedule.entry import Entry
from pipeline.tasks.schedule.every import every

JOBS = "tests.tasks.schedule.jobs"
KEPT = "tests.tasks.schedule.kept"


def tasks(*modules: str) -> dict[str, Task[Any, Any]]:
    return {each.name: each for module in modules for each in collect(module)}


def option(text: str) -> dict[str, EntryConfig]:
    """The option of a document."""
    field = ConfigSchedule("")
    field.name = "schedule"
    made = field.value_in(parse_document(textwrap.dedent(text), "work.yaml").data)
    assert made is not None
    return made


def entries(text: str, *modules: str, connector: str = "work") -> dict[str, Entry]:
    made = entries_of(option(text), tasks(*(modules or (JOBS,))), connector)
    return {each.name: each for each in made}


class Right(SynchronousTestCase):
    """What may be written."""

    def test_rhythms(self) -> None:
        """Each of the three."""
        found = entries(
            f"""
            schedule:
              a: {{task: {JOBS}.note, cron: "5 4 * * *", timezone: Europe/Berlin}}
              b: {{task: {JOBS}.note, every: 5m}}
              c: {{task: {JOBS}.note, once_per_day: 22:22}}
              d: {{task: {JOBS}.note, every: 1h, start_at: 2026-01-01T00:07:00Z}}
            """
        )
        rhythms = [cron("5 4 * * *", "Europe/Berlin"), every("5m"), once_per_day("22:22")]
        texts = [*map(str, rhythms), "every 3600 s from 2026-01-01T00:07:00+00:00"]
        self.assertEqual(texts, [str(each.when) for each in found.values()])

    def test_options(self) -> None:
        """Everything else."""
        [made] = entries(
            f"""
            schedule:
              a:
                task: {JOBS}.note
                every: 60
                args: [hi]
                singleton: false
                missed: all
                catch_up: 2h
                patience: 3h
            """
        ).values()
        self.assertEqual((["hi"], {}), (made.args, made.kwargs))
        self.assertEqual((False, "all"), (made.singleton, made.missed))
        self.assertEqual((7200, 10800), (made.catch_up, made.patience))

    def test_defaults(self) -> None:
        """Without them they are those of an entry in the code."""
        [made] = entries(f"schedule: {{a: {{task: {JOBS}.note, every: 60}}}}").values()
        plain = Entry("a", made.task, made.when)
        for name in ("args", "kwargs", "singleton", "missed", "catch_up", "patience"):
            expected, got = getattr(plain, name), getattr(made, name)
            self.assertEqual(list(expected) if name == "args" else expected, got)

    def test_hints(self) -> None:
        """What a type hint makes of a text is what the task gets."""
        text = f"schedule: {{a: {{task: {JOBS}.dated, every: 60, args: [2026-01-01]}}}}"
        self.assertEqual(["2026-01-01"], entries(text)["a"].args)

    def test_of_tasks(self) -> None:
        """The schedules of tasks belong to it, if their calls come here."""
        text = f"schedule: {{a: {{task: {JOBS}.note, every: 60}}}}"
        names = ["a", f"{KEPT}.noted", "nightly"]
        self.assertEqual(names, list(entries(text, JOBS, KEPT)))
        self.assertEqual({}, entries("schedule: {}", KEPT, connector="other"))

    def test_elsewhere(self) -> None:
        """A worker knows whose schedule it does not keep, as their calls don't come to it."""
        known = tasks(JOBS, KEPT).values()
        self.assertEqual([], kept_elsewhere(known, "work"))
        self.assertEqual([f"{KEPT}.noted"], kept_elsewhere(known, "other"))


class Wrong(SynchronousTestCase):
    """What is wrong is told with its position."""

    def _check(self, entry: str, what: str, at: str = "work.yaml:1:") -> None:
        error = self.assertRaises(ConfigError, entries, f"schedule: {{a: {{{entry}}}}}")
        self.assertIn(what, str(error))
        self.assertIn(at, str(error))

    def test_entries(self) -> None:
        """One thing at a time."""
        note = f"task: {JOBS}.note"
        table = {
            f"{note}": "a: expected one of cron, every, once_per_day, got none of them",
            f"{note}, every: 5m, cron: '* * * * *'": "got cron and every",
            f"{note}, cron: '61 * * * *'": "a: cron: '61 * * * *': wrong minute",
            f"{note}, cron: '* * * * *', timezone: Europe/Berln": "did you mean 'Europe/Berlin'?",
            f"{note}, every: 5m, timezone: Europe/Berlin": "'every' has no timezone",
            f"{note}, every: 10ms": "expected 1 second to 366 days",
            f"{note}, every: often": "a: every: expected a span of time",
            f"{note}, once_per_day: 25:00": "expected a time, as 4:05 or 16:30",
            f"{note}, cron: '* * * * *', start_at: 2026-01-01": "start_at is for 'every' only",
            f"{note}, every: 5m, start_at: soon": "start_at: expected a date and time",
            f"{note}, every: 5m, start_at: 2026-01-01": "with a time zone",
            f"{note}, evry: 5m": "did you mean 'every'?",
            f"{note}, every: 5m, missed: some": "expected one of skip, last, all",
            f"{note}, every: 5m, missed: all": "singleton must be false",
            f"{note}, every: 5m, catch_up: 40d": "catch_up must be from 0",
            f"{note}, every: 5m, args: [1, 2]": "too many positional arguments",
            f"{note}, every: 5m, kwargs: {{txt: a}}": "'txt'",
            "every: 5m": "a: task: required, but missing",
            f"task: {JOBS}.not, every: 5m": f"did you mean '{JOBS}.note'?",
            f"task: {JOBS}.elsewhere, every: 5m": "this worker serves 'work'",
            f"task: {JOBS}.dated, every: 5m, args: [soon]": "argument 'day' can't travel",
        }
        for entry, what in table.items():
            self._check(entry, what)

    def test_form(self) -> None:
        """No mapping at all."""
        for text, what in {
            "schedule: [a]": "schedule: expected a mapping",
            "schedule: {a: 5m}": "schedule: a: expected a mapping",
        }.items():
            self.assertIn(what, str(self.assertRaises(ConfigError, option, text)))

    def test_twice(self) -> None:
        """One name for two entries, of which one is in the code."""
        text = f"schedule: {{nightly: {{task: {JOBS}.note, every: 60}}}}"
        error = self.assertRaises(ConfigError, entries, text, JOBS, KEPT)
        self.assertIn("two entries are called 'nightly'", str(error))
        self.assertIn("work.yaml:1:", str(error))

    def test_all_at_once(self) -> None:
        """All that is wrong is said, each at its own line."""
        text = f"""\
            schedule:
              a: {{task: {JOBS}.note, cron: "61 * * * *"}}
              b:
                task: {JOBS}.note
                cron: "* * * * *"
                timezone: Mars
        """
        lines = str(self.assertRaises(ConfigError, option, text)).splitlines()
        self.assertEqual(2, sum("work.yaml:" in line for line in lines))
        self.assertIn("work.yaml:2:", lines[0])
        self.assertIn("work.yaml:6:", str(lines))
