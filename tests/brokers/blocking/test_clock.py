"""Tests of pipeline.brokers.blocking.clock."""

from __future__ import annotations

import time

from twisted.trial.unittest import TestCase

from pipeline.brokers.blocking.clock import BlockingClock


class Turning(TestCase):
    def test_turn(self) -> None:
        """It tells the time; what is due is called when it is turned, what is not is kept."""
        clock = BlockingClock()
        called: list[str] = []
        clock.callLater(0, called.append, "now")
        clock.callLater(3600, called.append, "later")
        self.assertEqual([], called)
        self.assertTrue(clock.turn())
        self.assertFalse(clock.turn())
        self.assertEqual((["now"], 1), (called, len(clock.getDelayedCalls())))
        self.assertLess(abs(time.time() - clock.seconds()), 60)
