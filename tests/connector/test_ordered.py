"""What is in order keeps it, also across retries."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from pipeline.connector.ordered import WAITING, WAITING_IF_STRICT
from pipeline.signals import message_retried
from tests.connector.test_flow import Held
from tests.workers import inbound


class Retried(Held):
    """A retry holds its key."""

    ordering = "process"
    waiting = WAITING

    def failing(self, failures: dict[str, int], **options: Any) -> Any:
        """A connector whose handler fails so many times for each content, then notes it."""
        self.seen: list[str] = []

        def handle(message: Any) -> None:
            self.seen.append(message.content)
            if failures.get(message.content, 0):
                failures[message.content] -= 1
                raise ValueError("boom")

        connector = self.connector(ordering=self.ordering, **options)
        connector.add_handler("inbound", handle)
        return connector

    def send(self, *contents: str) -> None:
        self.put("sms.inbound", *[inbound(c, from_addr=c[0]) for c in contents])
        self.clock.pump([0] * 20)

    def test_order_kept(self) -> None:
        """The next of a key waits for the retry; other keys go on."""
        connector = self.failing({"a1": 2})
        self.send("a1", "a2", "b1", "b2")
        self.assertEqual(["a1", "b1", "b2"], self.seen)
        self.assertEqual(2, connector.in_hand)
        self.clock.advance(0.9)
        self.assertEqual(["a1", "b1", "b2"], self.seen)
        self.clock.advance(0.2)
        self.assertEqual(["a1", "b1", "b2", "a1"], self.seen)
        self.clock.pump([1] * 4)
        self.assertEqual(["a1", "b1", "b2", "a1", "a1", "a2"], self.seen)
        self.assertEqual((0, 0, 0, 0), tuple(self.depth("sms.inbound")))

    def test_exhausted(self) -> None:
        """The attempts are counted, and what is dead makes way."""
        self.failing({"a1": 9})
        self.send("a1", "a2")
        self.clock.pump([1] * 10)
        self.assertEqual(["a1"] * 3 + ["a2"], self.seen)
        [letter] = self.dead("sms.inbound")
        self.assertEqual((b"exhausted", b"3"), (letter.fields["reason"], letter.fields["attempts"]))
        self.assertEqual(3, letter.fields["history"].count(b"boom"))

    def test_no_key(self) -> None:
        """What has no key is retried as ever, in no order."""
        connector = self.failing({"1": 1})
        self.put("sms.inbound", inbound("1", from_addr=None), inbound("2", from_addr=None))
        self.assertEqual((["1", "2"], 0), (self.seen, connector.in_hand))
        self.assertEqual(1, self.depth("sms.inbound").delayed)

    def test_told(self) -> None:
        """Who listens is told of each retry."""
        told: list[int] = []

        def note(delivery: Any, **named: Any) -> None:
            told.append(delivery.attempt)

        message_retried.connect(note)
        self.addCleanup(message_retried.disconnect, note)
        self.failing({"a1": 2})
        self.send("a1")
        self.clock.pump([1] * 6)
        self.assertEqual([2, 3], told)

    def test_stop(self) -> None:
        """Who stops doesn't wait for retries: they are left to others, with what is behind them."""
        connector = self.failing({"a1": 9})
        self.send("a1", "a2", "b1")
        self.successResultOf(Deferred.fromCoroutine(connector.stop(30)))
        self.assertEqual(["a1", "b1"], self.seen)
        self.assertEqual(0, connector.in_hand)
        self.assert_left()

    def assert_left(self) -> None:
        self.assertEqual((1, 0, 1, 0), tuple(self.depth("sms.inbound")))
        self.clock.advance(2)
        taken = self.taken("sms.inbound")
        self.assertEqual([("a2", 1), ("a1", 2)], [(d.message.content, d.attempt) for d in taken])

    def test_hot_key(self) -> None:
        """What waits behind a key leaves others their room, up to a limit."""
        limit = 6
        connector = self.failing({"a0": 1}, max_in_flight=limit)
        few, many = self.waiting * limit - 3, self.waiting * limit + 20
        self.send(*[f"a{n}" for n in range(few)], "b1")
        self.assertEqual(["a0", "b1"], self.seen)
        self.assertEqual(few, connector.in_hand)
        self.send(*[f"a{n}" for n in range(few, many)], "b2")
        self.assertEqual(["a0", "b1"], self.seen)
        self.assertLess(connector.in_hand, (self.waiting + 1) * limit)
        self.clock.pump([1] * 4)
        self.assertEqual([f"a{n}" for n in range(many)], [c for c in self.seen[1:] if c[0] == "a"])
        self.assertIn("b2", self.seen)


class Strict(Retried):
    """The same across processes, where only one reads."""

    ordering = "strict"
    waiting = WAITING_IF_STRICT

    def assert_left(self) -> None:
        other = self.failing({})
        self.clock.pump([1] * 3)
        self.assertEqual(["a1", "a2"], self.seen)
        self.assertEqual(0, other.in_hand)
        self.assertEqual((0, 0, 0, 0), tuple(self.depth("sms.inbound")))

    def test_lost_lease(self) -> None:
        """When another reads in our place, what waits here is not begun any more."""
        connector = self.failing({"a1": 1})
        self.send("a1", "a2")
        stream = self.broker.server.shard("memory", 0).stream("sms.inbound")
        stream._owner = ""
        other = self.looker.consumer("sms.inbound", ordered=True)
        taken = self.successResultOf(other.take(10))
        self.assertEqual(["a1", "a2"], [self.codec.decode(d.payload).content for d in taken])
        connector._flow.sources[0].consumer.in_hand.clear()
        self.clock.pump([1] * 3)
        self.assertEqual((["a1"], 0), (self.seen, connector.in_hand))
