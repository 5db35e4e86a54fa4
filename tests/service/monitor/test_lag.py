"""The reactor's lateness is seen."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from pipeline.observe.meter import Histogram
from pipeline.service.monitor.lag import EVERY, Lag


class Lateness(TestCase):
    """A clock that a test turns too far."""

    def test_late(self) -> None:
        """Each look says how late it is; after the end there are none."""
        clock, seen = Clock(), Histogram((0.5, 5.0))
        lag = Lag(clock, seen)
        lag.start()
        clock.advance(EVERY)
        clock.advance(EVERY + 3)
        self.assertEqual([1, 1, 0], seen.counts)
        self.assertAlmostEqual(3.0, seen.sum)
        lag.stop()
        lag.stop()
        clock.advance(100)
        self.assertEqual(2, sum(seen.counts))
        self.assertEqual([], clock.getDelayedCalls())
