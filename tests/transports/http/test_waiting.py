"""Tests of pipeline.transports.http.waiting."""

from __future__ import annotations

from twisted.internet.defer import CancelledError
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from pipeline.errors import ResultTimeout
from pipeline.transports.http.waiting import SWEEP, WaitingRequests


class Waiting(TestCase):
    """Replies find who waits for them, within their time."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.waiting = WaitingRequests(self.clock)

    def test_answer(self) -> None:
        """A reply goes to all who wait for it, and to nobody else."""
        first, second = self.waiting.add("a", 5), self.waiting.add("a", 5)
        other = self.waiting.add("b", 5)
        self.assertTrue(self.waiting.answer("a", "reply"))
        self.assertEqual("reply", self.successResultOf(first))
        self.assertEqual("reply", self.successResultOf(second))
        self.assertNoResult(other)
        self.assertEqual(
            (1, False, True), (len(self.waiting), "a" in self.waiting, "b" in self.waiting)
        )

    def test_nobody(self) -> None:
        """A reply that nobody waits for is not taken."""
        self.assertFalse(self.waiting.answer("a", "reply"))
        self.assertFalse(self.waiting.answer(None, "reply"))

    def test_time_out(self) -> None:
        """Each waits for its own time, and a sweep later at the most it is told."""
        short, long = self.waiting.add("a", 1), self.waiting.add("b", 3)
        self.clock.advance(0.95)
        self.assertNoResult(short)
        self.clock.advance(SWEEP)
        self.failureResultOf(short, ResultTimeout)
        self.assertNoResult(long)
        self.clock.pump([SWEEP] * 21)
        self.failureResultOf(long, ResultTimeout)

    def test_one_timer(self) -> None:
        """However many wait, there is one timer; when nobody does, there is none."""
        all_waiting = [self.waiting.add(str(n), 5) for n in range(100)]
        self.assertEqual(1, len(self.clock.getDelayedCalls()))
        for n in range(100):
            self.waiting.answer(str(n), None)
        self.assertEqual([], self.clock.getDelayedCalls())
        self.assertTrue(all(each.called for each in all_waiting))

    def test_forgets(self) -> None:
        """What was answered long before its time is not kept until then."""
        self.waiting.add("stays", 3600)
        for n in range(1000):
            self.waiting.add(str(n), 3600)
            self.waiting.answer(str(n), None)
        self.clock.advance(SWEEP)
        self.assertLess(len(self.waiting._due), 200)

    def test_cancel(self) -> None:
        """Who waits no more leaves nothing, and others still wait."""
        first, second = self.waiting.add("a", 5), self.waiting.add("a", 5)
        first.cancel()
        self.failureResultOf(first, CancelledError)
        self.assertTrue(self.waiting.answer("a", 1))
        self.assertEqual((1, 0), (self.successResultOf(second), len(self.waiting)))

    def test_when_empty(self) -> None:
        """It tells when nobody waits any more."""
        self.successResultOf(self.waiting.when_empty())
        waiting = self.waiting.add("a", 5)
        empty = self.waiting.when_empty()
        self.assertNoResult(empty)
        self.waiting.fail_all(ValueError())
        self.failureResultOf(waiting, ValueError)
        self.successResultOf(empty)
