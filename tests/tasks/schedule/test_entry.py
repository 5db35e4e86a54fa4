"""Tests of pipeline.tasks.schedule.entry."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipeline.errors import ConfigError
from pipeline.tasks.schedule.cron import cron
from pipeline.tasks.schedule.entry import Entry
from pipeline.tasks.schedule.every import every
from tests.tasks.schedule.jobs import note


def entry(**options: Any) -> Entry:
    given = {"name": "e", "task": note, "when": every("1h"), **options}
    return Entry(**given)


class Upcoming(SynchronousTestCase):
    """An entry tells when it comes next."""

    def test_next(self) -> None:
        """As many slots as asked for, in UTC."""
        nightly = entry(when=cron("30 2 * * *", "Europe/Berlin"))
        after = datetime(2026, 10, 24, tzinfo=UTC)
        found = nightly.next(2, after)
        self.assertEqual(["24 00:30", "25 00:30"], [f"{each:%d %H:%M}" for each in found])

    def test_now(self) -> None:
        """By default from now on."""
        [found] = entry().next()
        self.assertLess(0, found.timestamp() - time.time())
        self.assertLessEqual(found.timestamp() - time.time(), 3600)

    def test_no_more(self) -> None:
        """Fewer where there are no more."""

        class Once:
            def after(self, ms: int) -> int | None:
                return 1000 if ms < 1000 else None

        self.assertEqual(1, len(entry(when=Once()).next(5, datetime(1970, 1, 1, tzinfo=UTC))))

    def test_shown(self) -> None:
        """It shows what it is."""
        text = "<Entry e: tests.tasks.schedule.jobs.note, every 3600 s>"
        self.assertEqual(text, repr(entry()))


class Wrong(SynchronousTestCase):
    """What is wrong is a ConfigError that names the entry."""

    def test_options(self) -> None:
        """Each option."""
        table: list[tuple[dict[str, Any], str]] = [
            ({"when": "5 4 * * *"}, "no rhythm: '5 4 * * *'"),
            ({"missed": "some"}, "missed must be one of skip, last, all"),
            ({"missed": "all"}, "singleton must be false"),
            ({"catch_up": -1}, "catch_up must be from 0 to"),
            ({"catch_up": 32 * 86400}, "catch_up must be from 0 to"),
            ({"catch_up": "1h"}, "catch_up must be seconds"),
            ({"catch_up": True}, "catch_up must be seconds"),
            ({"patience": float("nan")}, "patience must be from 0"),
            ({"args": "text"}, "args must be a list"),
            ({"args": ["a", "b"]}, "too many positional arguments"),
            ({"kwargs": {"txt": "a"}}, "'txt'"),
        ]
        for options, why in table:
            error = self.assertRaises(ConfigError, entry, **options)
            self.assertIn("schedule 'e'", str(error))
            self.assertIn(why, str(error))

    def test_values(self) -> None:
        """What can't travel is found when a worker takes the entry."""
        error = self.assertRaises(ConfigError, entry(args=[{1, 2}]).check_values)
        self.assertIn("schedule 'e'", str(error))
        self.assertIn("argument 'text' can't travel", str(error))

    def test_names(self) -> None:
        """A name is text of a bearable length."""
        names: list[Any] = ["", "x" * 201, None, 5]
        for name in names:
            self.assertIn("name", str(self.assertRaises(ConfigError, entry, name=name)))


class InCode(SynchronousTestCase):
    """A task may be told its schedule."""

    def test_of_task(self) -> None:
        """It is called like its task, unless it says otherwise."""
        self.addCleanup(note.schedules.clear)
        first = note.schedule(every("1h"), args=["a"], missed="skip", catch_up=5, patience=6)
        second = note.schedule(every("2h"), kwargs={"text": "b"}, name="other", singleton=False)
        self.assertEqual([first, second], note.schedules)
        self.assertEqual([note.name, "other"], [first.name, second.name])
        self.assertEqual(("skip", 5, 6), (first.missed, first.catch_up, first.patience))
        self.assertFalse(second.singleton)

    def test_wrong(self) -> None:
        """What doesn't fit the function is found where it is written."""
        self.assertRaises(ConfigError, note.schedule, every("1h"), args=[1, 2])
        self.assertEqual([], note.schedules)
