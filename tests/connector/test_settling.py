from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, fail
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from pipeline.connector.settling import AT_ONCE, LARGEST, Settler
from pipeline.delivery import Delivery, Settled
from pipeline.errors import BrokerUnavailable


class Slow:
    """A consumer that settles when it is told to."""

    queue = "q"

    def __init__(self) -> None:
        self.asked: list[tuple[list[Delivery], Deferred[Any]]] = []

    def settle(self, deliveries: list[Delivery]) -> Deferred[Any]:
        """Remember what is asked."""
        self.asked.append((deliveries, Deferred()))
        return self.asked[-1][1]

    def answer(self, index: int = 0) -> None:
        """Say that a batch was won."""
        deliveries, answer = self.asked[index]
        answer.callback([Settled.WON] * len(deliveries))


class Batches(TestCase):
    """Finished deliveries are settled together, without waiting long."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.consumer = Slow()
        self.won: list[Delivery] = []
        self.settler = Settler(
            self.consumer, self.clock, lambda batch, results: self.won.extend(batch)
        )

    def add(self, count: int) -> None:
        for _ in range(count):
            self.settler.add(Delivery("q", b"1-0", b""))

    def sizes(self) -> list[int]:
        return [len(batch) for batch, _ in self.consumer.asked]

    def test_once_per_turn(self) -> None:
        """What finishes within one turn of the reactor is one batch."""
        self.add(3)
        self.assertEqual([], self.sizes())
        self.clock.advance(0)
        self.add(2)
        self.clock.advance(0)
        self.assertEqual([3, 2], self.sizes())

    def test_gathered(self) -> None:
        """What finishes while a batch is handled is sent at its end, without a turn."""
        self.settler.gather()
        self.add(3)
        self.assertEqual([], self.clock.getDelayedCalls())
        self.settler.flush()
        self.assertEqual([3], self.sizes())

    def test_full(self) -> None:
        """A full batch is sent at once, and none is larger."""
        self.add(LARGEST)
        self.assertEqual([LARGEST], self.sizes())

    def test_closed_unit(self) -> None:
        """Nothing can be staged any more."""
        delivery = Delivery("q", b"1-0", b"")
        self.settler.add(delivery)
        self.assertTrue(delivery.settled)
        self.settler.close()

    def test_at_once(self) -> None:
        """Only so many batches are under way; the rest go together when one is back."""
        for _ in range(AT_ONCE + 3):
            self.add(1)
            self.clock.advance(0)
        self.assertEqual([1] * AT_ONCE, self.sizes())
        self.consumer.answer()
        self.assertEqual([1] * AT_ONCE + [3], self.sizes())
        self.assertEqual(1, len(self.won))

    def test_unavailable(self) -> None:
        """A batch whose result is unknown is sent again, later, and nothing meanwhile."""
        settle = self.consumer.settle
        self.patch(self.consumer, "settle", lambda batch: fail(BrokerUnavailable("gone")))
        self.add(2)
        self.clock.advance(0)
        self.patch(self.consumer, "settle", settle)
        self.add(1)
        self.clock.advance(0.5)
        self.assertEqual([], self.sizes())
        self.clock.advance(0.5)
        self.assertEqual([3], self.sizes())
        self.assertEqual(1, len(self.flushLoggedErrors(BrokerUnavailable)))

    def test_close(self) -> None:
        """After closing nothing is sent, and no call is left over."""
        self.add(2)
        self.assertEqual(2, len(self.settler.close()))
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_failure_after_close(self) -> None:
        """What fails after closing is not sent again."""
        self.add(1)
        self.clock.advance(0)
        self.settler.close()
        self.consumer.asked[0][1].errback(BrokerUnavailable("gone"))
        self.assertEqual([], self.clock.getDelayedCalls())
