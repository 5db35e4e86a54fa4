"""Tests of pipeline.tasks.schedule.every."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pipeline.errors import ConfigError
from pipeline.tasks.schedule.every import Every, every, run_every
from tests.properties import given
from tests.tasks.schedule.rhythms import following, ms

NEW_YEAR = datetime(2026, 1, 1, 0, 7, tzinfo=UTC)


class Intervals(SynchronousTestCase):
    """An interval may be said in several ways."""

    def test_ways(self) -> None:
        """All ways come to the same."""
        ways: list[Every] = [
            every(90),
            every("90s"),
            every("1.5m"),
            every(timedelta(seconds=90)),
            every(minutes=1, seconds=30),
            run_every(minutes=1.5),
        ]
        self.assertEqual({Every(90_000)}, set(ways))

    def test_wrong(self) -> None:
        """What is no interval is refused, and told."""
        wrong: list[Any] = [0, 0.5, "0.5s", "soon", -3, "-3s", True, float("nan"), "400d"]
        for each in wrong:
            self.assertRaises(ConfigError, every, each)
        error = self.assertRaises(ConfigError, every, "10ms")
        self.assertEqual("every: expected 1 second to 366 days, got 0.01 s", str(error))

    def test_start_without_zone(self) -> None:
        """A start needs a zone."""
        for start in (datetime(2026, 1, 1), "2026-01-01"):  # noqa: DTZ001 - that is what is wrong
            error = self.assertRaises(ConfigError, every, 60, start_at=start)
            self.assertIn("with a time zone", str(error))


class Slots(SynchronousTestCase):
    """Slots are the same, whoever asks when."""

    def test_aligned(self) -> None:
        """Without a start they are multiples, so that restarts don't move them."""
        expected = [ms("2026-03-29 01:00"), ms("2026-03-29 02:00"), ms("2026-03-29 03:00")]
        self.assertEqual(expected, following(every("1h"), "2026-03-29 00:12", 3))
        self.assertEqual(expected, following(every("1h"), "2026-03-29 00:00", 3))

    def test_start(self) -> None:
        """With a start there are none before it, and the others are counted from it."""
        when = every("1h", start_at=NEW_YEAR)
        expected = [ms("2026-01-01 00:07"), ms("2026-01-01 01:07")]
        self.assertEqual(expected, following(when, "2025-06-01 00:00", 2))

    @given(st.integers(1_000, 10_000_000), st.integers(0, 10**13), st.none() | st.just(10**12))
    def test_next(self, interval: int, at: int, start: int | None) -> None:
        """The next slot is later, and none is passed over."""
        when = Every(interval, start)
        slot = when.after(at)
        assert slot is not None
        self.assertGreater(slot, at)
        self.assertEqual(slot, when.after(slot - 1))
        if start is None or at >= start:
            self.assertLessEqual(slot - at, interval)

    def test_text(self) -> None:
        """The text tells one rhythm from another."""
        self.assertEqual("every 90 s", str(every(90)))
        text = "every 60 s from 2026-01-01T00:07:00+00:00"
        self.assertEqual(text, str(every(60, start_at=NEW_YEAR)))
