"""Tests of pipeline.transports.file.rest."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from pipeline.transports.file.rest import Rest


class Resting(TestCase):
    """Pauses have an end."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.rest = Rest(self.clock)

    def take(self, seconds: float | None = None) -> Deferred[None]:
        return Deferred.fromCoroutine(self.rest.take(seconds))

    def test_time(self) -> None:
        """Each lasts as long as was said."""
        short, long = self.take(1), self.take(2)
        self.clock.advance(1)
        self.successResultOf(short)
        self.assertNoResult(long)
        self.clock.advance(1)
        self.successResultOf(long)

    def test_end(self) -> None:
        """At the end nobody rests any longer, then or later, and no time is left to come."""
        resting = [self.take(1), self.take()]
        self.rest.end()
        for each in (*resting, self.take(), self.take(5)):
            self.successResultOf(each)
        self.assertTrue(self.rest.is_over)
        self.assertEqual([], self.clock.getDelayedCalls())
