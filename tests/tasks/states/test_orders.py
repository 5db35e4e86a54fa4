"""Tests of pipeline.tasks.states.orders."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pipeline.brokers.memory import MemoryBroker
from pipeline.store import Store
from pipeline.tasks.states.orders import LOOK_EVERY, Orders, cancel_field, orders_key, watch_field
from pipeline.tasks.states.records import LIVE_FOR


class Following(SynchronousTestCase):
    """Orders are known soon after they were given, each is acted on once."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.broker = MemoryBroker(self.clock, partitions=2)
        self.broker.start()
        self.done: list[Any] = []
        self.orders = Orders(
            "work", self.broker, self.clock, self.done.append, lambda *w: self.done.append(w)
        )
        self.addCleanup(self.orders.stop)

    def give(self, field: str, partition: int = 0) -> None:
        """Give an order."""
        store = Store(self.broker.reader(partition))
        store.hset(orders_key("work"), {field: self.clock.seconds()})
        self.successResultOf(Deferred.fromCoroutine(store.commit()))

    def start(self) -> None:
        """Begin to follow."""
        self.successResultOf(Deferred.fromCoroutine(self.orders.start()))

    def test_before(self) -> None:
        """What was ordered before the start is known when that is over."""
        self.give(cancel_field("a"))
        self.start()
        self.assertEqual({"a"}, self.orders.cancelled)

    def test_new(self) -> None:
        """What is new is acted on, once, in whichever partition it is."""
        self.start()
        self.give(cancel_field("a"))
        self.give(watch_field("b", "me"), 1)
        for _ in range(3):
            self.clock.advance(LOOK_EVERY + 0.1)
        self.assertEqual(["a", (1, "b", "me")], self.done)
        self.assertEqual({"b": ["me"]}, self.orders.watched)

    def test_taken_back(self) -> None:
        """An order that was carried out is forgotten."""
        self.give(cancel_field("a"))
        self.start()
        store = Store(self.broker.reader(0))
        store.hdel(orders_key("work"), cancel_field("a"))
        self.successResultOf(Deferred.fromCoroutine(store.commit()))
        self.clock.advance(LOOK_EVERY + 0.1)
        self.assertEqual(set(), self.orders.cancelled)

    def test_old(self) -> None:
        """An order that nobody could carry out for a week is thrown away."""
        self.give(cancel_field("a"))
        self.clock.advance(LIVE_FOR + 1)
        self.start()
        self.assertEqual(set(), self.orders.cancelled)
        left = Store(self.broker.reader(0)).hgetall(orders_key("work"))
        self.assertEqual({}, self.successResultOf(Deferred.fromCoroutine(left)))

    def test_stopped(self) -> None:
        """After the stop nothing is looked at."""
        self.start()
        self.orders.stop()
        self.give(cancel_field("a"))
        self.clock.advance(10)
        self.assertEqual([], self.done)
