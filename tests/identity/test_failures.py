"""Tests of pipeline.identity.failures."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from pipeline.identity import failures
from pipeline.identity.failures import Failures


class Counting(TestCase):
    """Failures are counted for each peer."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.failures = Failures(2, 60, self.clock)

    def test_refused(self) -> None:
        """At the limit a peer is refused until its window is over, and no other peer is."""
        self.assertFalse(self.failures.count("a"))
        self.clock.advance(20)
        self.assertEqual(0, self.failures.seconds_left("a"))
        self.assertTrue(self.failures.count("a"))
        self.assertEqual(
            (40, 0), (self.failures.seconds_left("a"), self.failures.seconds_left("b"))
        )
        self.clock.advance(39.5)
        self.assertEqual(1, self.failures.seconds_left("a"))
        self.clock.advance(0.5)
        self.assertEqual(0, self.failures.seconds_left("a"))

    def test_said_once(self) -> None:
        """Only the failure that makes it refused says so."""
        self.assertEqual([False, True, False], [self.failures.count("a") for _ in range(3)])

    def test_no_limit(self) -> None:
        """0 counts nothing."""
        free = Failures(0, 60, self.clock)
        for _ in range(100):
            free.count("a")
        self.assertEqual((0, 0), (free.seconds_left("a"), len(free)))

    def test_bounded(self) -> None:
        """A thousand addresses don't fill the memory: the oldest are forgotten."""
        self.patch(failures, "MOST_PEERS", 10)
        for n in range(1000):
            self.failures.count(str(n))
        self.assertEqual(10, len(self.failures))
