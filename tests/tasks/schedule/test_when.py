"""Tests of pipeline.tasks.schedule.when."""

from __future__ import annotations

from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pipeline.tasks.schedule.every import Every
from pipeline.tasks.schedule.when import newest, slots
from tests.properties import given


class Looking(SynchronousTestCase):
    """Slots between two times."""

    def test_slots(self) -> None:
        """The first time is left out, the second belongs to it; no more than asked for."""
        self.assertEqual([2000, 3000], slots(Every(1000), 1000, 3000, 9))
        self.assertEqual([2000], slots(Every(1000), 1000, 3000, 1))
        self.assertEqual([], slots(Every(1000), 1000, 1999, 9))

    @given(st.integers(1_000, 100_000), st.integers(0, 500_000), st.integers(0, 500_000))
    def test_newest(self, interval: int, since: int, span: int) -> None:
        """The newest is the last of them all."""
        whole = slots(Every(interval), since, since + span, 1000)
        found = newest(Every(interval), since, since + span)
        self.assertEqual(whole[-1] if whole else None, found)

    def test_newest_is_cheap(self) -> None:
        """A year of seconds is not walked through."""

        class Counting(Every):
            asked = 0

            def after(self, ms: int) -> int | None:
                Counting.asked += 1
                return super().after(ms)

        year = 366 * 86_400_000
        self.assertEqual(year, newest(Counting(1000), 0, year))
        self.assertLess(Counting.asked, 100)
