"""Tests of pipeline.transports.lines.unanswered."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from pipeline.transports.lines.unanswered import MOST, Unanswered


class Waiting(TestCase):
    """Who waits does so for replies, and not for ever."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.unanswered = Unanswered(self.clock, 5)

    def wait(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self.unanswered.wait())

    def test_none(self) -> None:
        """With nothing unanswered there is no wait."""
        self.successResultOf(self.wait())

    def test_answered(self) -> None:
        """The last reply ends it."""
        self.unanswered.add("a")
        self.unanswered.add("b")
        waited = self.wait()
        self.unanswered.discard("b")
        self.unanswered.discard(None)
        self.assertNoResult(waited)
        self.unanswered.discard("a")
        self.successResultOf(waited)

    def test_patience(self) -> None:
        """A message is waited for so many seconds from its own time on."""
        self.unanswered.add("a")
        self.clock.advance(3)
        self.unanswered.add("b")
        waited = self.wait()
        self.clock.advance(4)
        self.assertEqual(1, len(self.unanswered))
        self.assertNoResult(waited)
        self.clock.advance(1)
        self.successResultOf(waited)

    def test_no_more(self) -> None:
        """It can be ended."""
        self.unanswered.add("a")
        waited = self.wait()
        self.unanswered.wait_no_more()
        self.successResultOf(waited)
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_bound(self) -> None:
        """No more are remembered than so many, the latest."""
        for n in range(MOST + 5):
            self.unanswered.add(str(n))
        self.assertEqual(MOST, len(self.unanswered))
