"""Tests of pipeline.supervisor.pace."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from pipeline.supervisor.pace import Pace


class Paces(TestCase):
    """Who crashes is started again, but not for ever at once."""

    def test_doubles(self) -> None:
        """Each wait is twice the last, up to 30 s."""
        pace = Pace()
        waits = [pace.ended(100.0 * n, 1.0) for n in range(11)]
        self.assertEqual([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30, 30], waits)
        self.assertFalse(pace.is_looping)

    def test_loop(self) -> None:
        """Five crashes within a minute are a loop, which goes on slowly."""
        pace = Pace()
        for now in range(4):
            pace.ended(now, 0.5)
        self.assertFalse(pace.is_looping)
        self.assertEqual(30, pace.ended(50, 0.5))
        self.assertTrue(pace.is_looping)
        self.assertEqual(30, pace.ended(1000, 1))
        self.assertTrue(pace.is_looping)

    def test_steady(self) -> None:
        """Who has run for a minute has begun anew."""
        pace = Pace()
        for now in range(5):
            pace.ended(now, 0.5)
        self.assertEqual(0.1, pace.ended(100, 60))
        self.assertFalse(pace.is_looping)
