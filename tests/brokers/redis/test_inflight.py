"""What waits for replies gets them in order, or is told that none will come."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from pipeline.brokers.redis.inflight import LOOKS, Batch, InFlight, Single
from pipeline.errors import BrokerUnavailable, ServerRefused


class Replies(TestCase):
    def setUp(self) -> None:
        self.flight = InFlight()

    def add(self, batch: Batch) -> Batch:
        self.flight.add(batch)
        return batch

    def test_in_order(self) -> None:
        """Replies go to the oldest first, and a batch takes as many as it sent."""
        first, second = self.add(Batch(2)), self.add(Single(1))
        for reply in (b"a", b"b", b"c"):
            self.flight.take(reply)
        self.assertEqual([b"a", b"b"], self.successResultOf(first.deferred))
        self.assertEqual(b"c", self.successResultOf(second.deferred))

    def test_count(self) -> None:
        """Commands count until their batch is answered."""
        self.add(Batch(2))
        self.flight.take(1)
        self.assertEqual(2, self.flight.commands)
        self.flight.take(2)
        self.assertEqual(0, self.flight.commands)

    def test_errors(self) -> None:
        """An error fails a single command, and stays in the list of a batch."""
        single, batch = self.add(Single(1)), self.add(Batch(1))
        refusal = ServerRefused("OOM no", "OOM")
        self.flight.take(refusal)
        self.flight.take(refusal)
        self.failureResultOf(single.deferred, ServerRefused)
        self.assertEqual([refusal], self.successResultOf(batch.deferred))

    def test_unasked(self) -> None:
        """A reply that nobody waits for is an error."""
        self.assertRaises(IndexError, self.flight.take, 1)

    def test_cancelled(self) -> None:
        """A command that was cancelled still takes its own reply."""
        gone, kept = self.add(Single(1)), self.add(Single(1))
        gone.deferred.addErrback(lambda why: None)
        gone.deferred.cancel()
        self.flight.take(b"a")
        self.flight.take(b"b")
        self.assertEqual(b"b", self.successResultOf(kept.deferred))

    def test_fail(self) -> None:
        """A loss fails all that waits, each with an error of its own."""
        one, two = self.add(Single(1)), self.add(Batch(3))
        self.flight.fail("gone")
        errors = [self.failureResultOf(b.deferred, BrokerUnavailable) for b in (one, two)]
        self.assertIsNot(errors[0].value, errors[1].value)
        self.assertEqual(0, self.flight.commands)


class Silence(TestCase):
    def setUp(self) -> None:
        self.flight = InFlight()

    def looks(self, count: int) -> list[bool]:
        return [self.flight.is_silent(10.0) for _ in range(count)]

    def test_idle(self) -> None:
        """Who owes no reply is never silent."""
        self.assertNotIn(True, self.looks(5 * LOOKS))

    def test_overdue(self) -> None:
        """The oldest command is overdue when the time-out has gone by, not a look before."""
        self.flight.add(Single(1))
        self.assertEqual([False] * (LOOKS - 1) + [True], self.looks(LOOKS))

    def test_patience(self) -> None:
        """A command that may block for 20 s has 20 s more."""
        self.flight.add(Single(1, patience=20.0))
        self.assertEqual([False] * (3 * LOOKS - 1) + [True], self.looks(3 * LOOKS))

    def test_bytes_are_life(self) -> None:
        """A long reply that is still coming in is not silence."""
        self.flight.add(Single(1))
        for _ in range(10):
            self.assertNotIn(True, self.looks(LOOKS - 1))
            self.flight.heard()

    def test_answered(self) -> None:
        """Each command has its own time: a stream of answered ones is no silence."""
        self.flight.add(Single(1))
        for _ in range(10):
            self.assertNotIn(True, self.looks(LOOKS - 1))
            self.flight.add(Single(1))
            self.flight.take(b"")
