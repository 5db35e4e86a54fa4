"""Tests of pipeline.tasks.schedule.cron."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pipeline.errors import ConfigError
from pipeline.tasks.schedule.cron import Cron, cron, crontab, once_per_day, zone_of
from tests.properties import given, settings
from tests.tasks.schedule.rhythms import following, local, ms

BERLIN, NEW_YORK, LORD_HOWE = "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"

#: When clocks change in 2026, in UTC, and what they do.
FORWARD = {
    BERLIN: "2026-03-29 01:00",  # 2:00 becomes 3:00
    NEW_YORK: "2026-03-08 07:00",  # 2:00 becomes 3:00
    LORD_HOWE: "2026-10-03 15:30",  # 2:00 becomes 2:30
}
BACK = {
    BERLIN: "2026-10-25 01:00",  # 3:00 becomes 2:00
    NEW_YORK: "2026-11-01 06:00",  # 2:00 becomes 1:00
    LORD_HOWE: "2026-04-04 15:00",  # 2:00 becomes 1:30
}
CHANGES = {**{(zone, "+"): at for zone, at in FORWARD.items()}}
CHANGES |= {(zone, "-"): at for zone, at in BACK.items()}

HOUR = 3_600_000

#: (zone, forward or back) -> rhythm -> its slots from two hours before the change on.
TABLE: dict[tuple[str, str], dict[str, list[str]]] = {
    (BERLIN, "+"): {
        "30 2 * * *": ["29 03:00+0200", "30 02:30+0200"],
        "10,40 2 * * *": ["29 03:00+0200", "30 02:10+0200", "30 02:40+0200"],
        "0 2,3 * * *": ["29 03:00+0200", "30 02:00+0200"],
        "0 4 * * *": ["29 04:00+0200", "30 04:00+0200"],
        "15 * * * *": ["29 00:15+0100", "29 01:15+0100", "29 03:15+0200"],
        "*/45 1-5 * * *": ["29 01:00+0100", "29 01:45+0100", "29 03:00+0200", "29 03:45+0200"],
        "*/30 2 * * *": ["30 02:00+0200", "30 02:30+0200"],
        "0 */2 * * *": ["29 00:00+0100", "29 04:00+0200", "29 06:00+0200"],
    },
    (BERLIN, "-"): {
        "30 2 * * *": ["25 02:30+0200", "26 02:30+0100"],
        "0 2,3 * * *": ["25 02:00+0200", "25 03:00+0100", "26 02:00+0100"],
        "15 * * * *": ["25 01:15+0200", "25 02:15+0200", "25 02:15+0100", "25 03:15+0100"],
        "*/30 2 * * *": ["25 02:00+0200", "25 02:30+0200", "25 02:00+0100", "25 02:30+0100"],
    },
    (NEW_YORK, "+"): {
        "30 2 * * *": ["08 03:00-0400", "09 02:30-0400"],
        "59 * * * *": ["08 00:59-0500", "08 01:59-0500", "08 03:59-0400"],
    },
    (NEW_YORK, "-"): {
        "30 1 * * *": ["01 01:30-0400", "02 01:30-0500"],
        "0 * * * *": ["01 00:00-0400", "01 01:00-0400", "01 01:00-0500", "01 02:00-0500"],
    },
    (LORD_HOWE, "+"): {
        "10 2 * * *": ["04 02:30+1100", "05 02:10+1100"],
        "10,40 2 * * *": ["04 02:30+1100", "04 02:40+1100", "05 02:10+1100"],
        "15 * * * *": ["04 00:15+1030", "04 01:15+1030", "04 03:15+1100"],
        "*/15 2 * * *": ["04 02:30+1100", "04 02:45+1100", "05 02:00+1100"],
        "*/30 3 * * *": ["04 03:00+1100", "04 03:30+1100", "05 03:00+1100"],
    },
    (LORD_HOWE, "-"): {
        "45 1 * * *": ["05 01:45+1100", "06 01:45+1030"],
        "45 * * * *": ["05 00:45+1100", "05 01:45+1100", "05 01:45+1030", "05 02:45+1030"],
        "*/30 2 * * *": ["05 02:00+1030", "05 02:30+1030", "06 02:00+1030"],
    },
}


def before(change: str) -> int:
    """A minute more than two hours before a change."""
    return ms(change) - 2 * HOUR - 60_000


class ClocksChange(SynchronousTestCase):
    """What becomes of slots when clocks change."""

    def test_table(self) -> None:
        """As Debian's cron: what is told comes once, also if there is no such time or two; what is
        for each hour or minute goes by the time that there really is."""
        for (zone, way), rhythms in TABLE.items():
            for text, expected in rhythms.items():
                at, found = before(CHANGES[zone, way]), []
                for _ in expected:
                    at = cron(text, zone).after(at) or 0
                    found.append(local(at, zone))
                self.assertEqual(expected, found, (zone, way, text))

    def test_once_per_day(self) -> None:
        """A time of day comes once each day."""
        for (zone, way), change in CHANGES.items():
            for time in ("1:35", "2:15", "2:59", "3:00"):
                when = once_per_day(time, zone)
                at, days = ms(change) - 72 * HOUR, []
                for _ in range(6):
                    at = when.after(at) or 0
                    days.append(int(local(at, zone)[:2]))
                self.assertEqual(6, len(set(days)), (zone, way, time, days))

    def test_utc(self) -> None:
        """Nothing changes in UTC."""
        slots = following(cron("*/30 * * * *"), "2026-03-29 00:00", 100)
        self.assertEqual({HOUR // 2}, {b - a for a, b in pairwise(slots)})

    @settings(max_examples=150)
    @given(
        st.sampled_from(sorted(CHANGES)),
        st.sampled_from(
            ["30 2 * * *", "*/20 1,2,3 * * *", "5-50/9 1-3 * * *", "7 * * * *", "45 1,2 * * 0"]
        ),
        st.integers(-5 * 3600, 5 * 3600),
    )
    def test_same_for_all(self, change: tuple[str, str], text: str, seconds: int) -> None:
        """Who asks in the middle of a change is told the slot that all others are told."""
        zone, at = change[0], ms(CHANGES[change])
        when = cron(text, zone)
        asked, slot = at + seconds * 1000, at - 30 * HOUR
        while slot <= asked:
            slot = when.after(slot) or 0
        self.assertEqual(slot, when.after(asked), local(slot, zone))

    @settings(max_examples=100)
    @given(st.sampled_from(sorted(CHANGES)), st.sampled_from(["*", "*/7", "*/30"]))
    def test_each_minute(self, change: tuple[str, str], minutes: str) -> None:
        """What is for each minute is each minute whose local time fits."""
        zone, start = change[0], before(CHANGES[change])
        when = cron(f"{minutes} * * * *", zone)
        step = 1 if minutes == "*" else int(minutes[2:])
        fitting = [
            slot
            for slot in range(start + 60_000, start + 5 * HOUR, 60_000)
            if int(local(slot, zone)[6:8]) % step == 0
        ]
        found, at = [], start
        while (at := when.after(at) or 0) < start + 5 * HOUR:
            found.append(at)
        self.assertEqual(fitting, found)


class Texts(SynchronousTestCase):
    """What may be said."""

    def test_known(self) -> None:
        """Names of days and months, ranges, steps, the last day, and names for whole lines."""
        table = {
            "0 9 * * mon": "2026-01-05 09:00",
            "0 9 1-7 feb *": "2026-02-01 09:00",
            "0 0 L * *": "2026-01-31 00:00",
            "0 0 * * FRI#2": "2026-01-09 00:00",
            " @daily ": "2026-01-02 00:00",
            "@Monthly": "2026-02-01 00:00",
            "0 0 29 2 *": "2028-02-29 00:00",
        }
        for text, first in table.items():
            self.assertEqual(ms(first), cron(text).after(ms("2026-01-01 00:00")), text)

    def test_name_of_redis_tasks(self) -> None:
        """crontab is cron."""
        self.assertIs(cron, crontab)

    def test_wrong(self) -> None:
        """What is wrong is refused, and told."""
        table = {
            "61 * * * *": "wrong minute",
            "* 24 * * *": "wrong hour",
            "* * 0 * *": "wrong day-of-month",
            "* * * 13 *": "wrong month",
            "* * * * 8": "wrong day-of-week",
            "* * *": "expected five fields",
            "* * * * * *": "expected five fields",
            "@often": "expected five fields",
            "": "expected five fields",
            "0 0 30 2 *": "wrong day-of-month",
            "0 0 */15 * MON#2": "this never comes",
            "*/5 * */15 * MON#2": "this never comes",
            "1/L * * * *": "wrong minute",
            "a b c d e": "wrong minute",
        }
        for text, why in table.items():
            error = self.assertRaises(ConfigError, cron, text)
            self.assertIn(why, str(error), text)
        others: list[Any] = [None, 5, ["* * * * *"], "*," * 300 + "* * * * *"]
        for other in others:
            self.assertLess(len(str(self.assertRaises(ConfigError, cron, other))), 250)

    @given(st.text("0123456789*/-,L#W MONabc@", max_size=20))
    @settings(max_examples=300)
    def test_any(self, text: str) -> None:
        """Any other text is a ConfigError, and never another one."""
        try:
            made = cron(text)
        except ConfigError:
            return
        self.assertIsInstance(made, Cron)

    def test_zones(self) -> None:
        """A zone that isn't there is refused, with the nearest name."""
        wrong: list[Any] = ["Europe/Berln", "Europe", "../etc/passwd", "", None, "Mars", "/etc"]
        for name in wrong:
            error = self.assertRaises(ConfigError, zone_of, name)
            self.assertIn("there is no time zone", str(error))
        self.assertIn("Europe/Berlin", str(self.assertRaises(ConfigError, zone_of, "Europe/Berln")))

    def test_times_of_day(self) -> None:
        """Hours and minutes, and nothing else."""
        self.assertEqual("cron 5 4 * * * UTC", str(once_per_day("4:05")))
        self.assertEqual("cron 5 4 * * * UTC", str(once_per_day("04:05")))
        wrong: list[Any] = ["24:00", "1:60", "1", "1:5", "-1:00", "1:00:00", 100, None, "٤:٠٥"]
        for time in wrong:
            error = self.assertRaises(ConfigError, once_per_day, time)
            self.assertIn("expected a time, as 4:05", str(error))

    def test_seldom(self) -> None:
        """A minute of a certain day of the year, far from and near to changes of the clocks."""
        for text, first in {
            "* * 29 3 *": "2026-03-28 23:00",
            "* * 1 7 *": "2026-06-30 22:00",
            "* * 1 11 *": "2026-10-31 23:00",
            "*/7 * 31 12 *": "2026-12-30 23:00",
        }.items():
            self.assertEqual(ms(first), cron(text, BERLIN).after(ms("2026-01-01 00:00")), text)
