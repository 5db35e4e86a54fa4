"""The broker of what is only tried out."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pipeline.delivery import Post
from pipeline.explain.trace.broker import WatchedBroker
from pipeline.store import Store


class Watched(SynchronousTestCase):
    """It is a broker in memory, but for two things."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.stored: list[Any] = []
        self.broker = WatchedBroker(self.clock, "shop", 2, self.stored.extend)
        self.successResultOf(self.broker.start())

    def test_distance(self) -> None:
        """What is published is read when who publishes is done, as over a connection."""
        consumer = self.broker.consumer("sms.inbound", 1)
        self.successResultOf(consumer.open())
        taken = consumer.take(1)
        self.successResultOf(self.broker.publish([Post("sms.inbound", b"{}")], 1))
        self.assertNoResult(taken)
        self.clock.advance(0)
        [delivery] = self.successResultOf(taken)
        self.assertEqual(b"{}", delivery.payload)

    def test_store(self) -> None:
        """What is written without a message in hand is told, and written."""
        store = Store(self.broker.reader())
        store.set("a", "1")
        self.successResultOf(_deferred(store.commit()))
        self.assertEqual([("set", "a", b"1", 0)], self.stored)
        read = Store(self.broker.reader()).get("a")
        self.assertEqual(b"1", self.successResultOf(_deferred(read)))


def _deferred(work: Any) -> Any:
    from twisted.internet.defer import Deferred

    return Deferred.fromCoroutine(work)
