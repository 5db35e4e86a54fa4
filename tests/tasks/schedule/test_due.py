"""Tests of pipeline.tasks.schedule.due."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pipeline.tasks.schedule.due import COUNTED, ON_TIME, Due, decide
from pipeline.tasks.schedule.entry import Entry
from pipeline.tasks.schedule.every import Every, every
from tests.properties import given
from tests.tasks.schedule.jobs import note
from tests.tasks.schedule.rhythms import ms

MINUTE = 60_000
NOON = ms("2026-05-05 12:00")


def entry(missed: str = "last", interval: int = MINUTE, **options: Any) -> Entry:
    return Entry("e", note, Every(interval), singleton=False, missed=missed, **options)


def called(made: Entry, since: int, now: int) -> tuple[list[int], int]:
    """All slots that are called, and how many are missed."""
    slots: list[int] = []
    missed = 0
    while (due := decide(made, since, now)) is not None:
        since = due.position
        missed += due.missed
        slots += [] if due.slot is None else [due.slot]
    return slots, missed


class Deciding(SynchronousTestCase):
    """What is called, and what is missed."""

    def test_not_yet(self) -> None:
        """Before the next slot there is nothing to do."""
        self.assertIsNone(decide(entry(), NOON, NOON + MINUTE - 1))

    def test_on_time(self) -> None:
        """A slot that has just come is called, whatever is done about missed ones."""
        for missed in ("skip", "last", "all"):
            for late in (0, 1, ON_TIME):
                due = decide(entry(missed), NOON, NOON + MINUTE + late)
                self.assertEqual(Due(NOON + MINUTE, NOON + MINUTE, 0), due)

    def test_missed(self) -> None:
        """After three slots without a worker: none, the last, or each is called."""
        now = NOON + 3 * MINUTE + ON_TIME + 1
        self.assertEqual(([], 3), called(entry("skip"), NOON, now))
        self.assertEqual(([NOON + 3 * MINUTE], 2), called(entry("last"), NOON, now))
        three = [NOON + n * MINUTE for n in (1, 2, 3)]
        self.assertEqual((three, 0), called(entry("all"), NOON, now))

    def test_missed_and_on_time(self) -> None:
        """When the next slot is there already, the last missed one is not called besides."""
        now = NOON + 3 * MINUTE + 5
        self.assertEqual(([NOON + 3 * MINUTE], 2), called(entry("last"), NOON, now))
        self.assertEqual(([NOON + 3 * MINUTE], 2), called(entry("skip"), NOON, now))

    def test_window(self) -> None:
        """What is further back than catch_up is not called any more."""
        now = NOON + 30_000
        for missed, expected in (("all", [NOON - MINUTE, NOON]), ("last", [NOON])):
            made = entry(missed, catch_up=90)
            slots, lost = called(made, NOON - 10 * MINUTE, now)
            self.assertEqual((expected, 10 - len(expected)), (slots, lost))
        slots, lost = called(entry("last", catch_up=20), NOON - 10 * MINUTE, now)
        self.assertEqual(([], 10), (slots, lost))

    def test_long_away(self) -> None:
        """After a year of seconds the missed are counted up to a bound, which is quick."""
        now = NOON + 366 * 86_400_000
        slots, lost = called(entry("last", 1000), NOON, now)
        self.assertEqual(ON_TIME // 1000 + 1, len(slots))
        self.assertEqual(COUNTED, lost + 1)

    @given(st.lists(st.integers(1, 40_000), min_size=1, max_size=60))
    def test_all(self, pauses: list[int]) -> None:
        """Whenever it is looked, within the window each slot is called once, in order."""
        made, at, since, slots = entry("all", 7_000), NOON, NOON, []
        for pause in pauses:
            at += pause
            while (due := decide(made, since, at)) is not None:
                since = due.position
                slots.append(due.slot)
        first = every(7).after(NOON)
        assert first is not None
        self.assertEqual(list(range(first, at + 1, 7_000)), slots)

    @given(
        st.sampled_from(["skip", "last", "all"]),
        st.integers(1_000, 200_000),
        st.integers(0, 5_000_000),
        st.integers(0, 4_000),
    )
    def test_ends(self, missed: str, interval: int, away: int, catch_up: int) -> None:
        """It comes to an end, is never behind afterwards, and counts every slot once."""
        made = entry(missed, interval, catch_up=catch_up)
        slots, lost = called(made, NOON, NOON + away)
        total = (NOON + away) // interval - NOON // interval
        self.assertEqual(sorted(set(slots)), slots)
        self.assertEqual(min(total, COUNTED), min(len(slots) + lost, COUNTED))
