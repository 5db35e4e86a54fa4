"""Those who look again and again do so at the same moments."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pipeline.ticks import TICK, until_tick


class Ticks(SynchronousTestCase):
    """On a clock that only a test moves."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1_700_000_000.123)
        until_tick(self.clock)

    def test_meet(self) -> None:
        """Who begins between two ticks looks together with the others from the next one on."""
        self.clock.advance(0.05)
        self.assertAlmostEqual(0.15, until_tick(self.clock), 5)
        self.assertAlmostEqual(0.35, until_tick(self.clock, 2 * TICK), 5)
        self.clock.advance(until_tick(self.clock))
        self.assertAlmostEqual(TICK, until_tick(self.clock), 5)
        self.assertAlmostEqual(TICK, until_tick(self.clock, 2 * TICK), 5)

    def test_never_twice(self) -> None:
        """A tick that came a little early is not taken for the next one."""
        for _ in range(1000):
            self.clock.advance(until_tick(self.clock) - 1e-6)
            self.assertGreater(until_tick(self.clock), TICK / 10)
        self.assertAlmostEqual(1_700_000_200.123, self.clock.seconds(), 2)

    def test_own(self) -> None:
        """Each clock has ticks of its own, which begin when somebody asks first."""
        other = Clock()
        other.advance(0.13)
        self.assertAlmostEqual(TICK, until_tick(other))
