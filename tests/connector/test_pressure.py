"""What becomes of messages from the edge when their queue is full."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import globalLogPublisher

from pipeline.connector import pressure
from pipeline.errors import BrokerUnavailable, QueueFull
from tests.workers import WorkerCase, inbound


class Full(WorkerCase):
    def setUp(self) -> None:
        super().setUp()
        self.own = self.connector(consumes=(), publishes=("inbound",))

    def publish(self, *contents: str, when_full: str = "wait", **options: Any) -> list[Any]:
        return [
            self.own.publish(
                "inbound", inbound(content), max_depth=2, when_full=when_full, **options
            )
            for content in contents
        ]

    def test_wait(self) -> None:
        """Who waits is let in, in the order of coming, as soon as there is room."""
        first, second, third, fourth, fifth = self.publish(*"abcde")
        self.successResultOf(first)
        self.successResultOf(second)
        self.clock.pump([0.1] * 10)
        self.assertNoResult(third)
        self.assertEqual(["a", "b"], self.contents("sms.inbound"))
        self.clock.pump([0.1] * 10)
        self.assertEqual("c", self.successResultOf(third).content)
        self.successResultOf(fourth)
        self.assertNoResult(fifth)
        self.assertEqual(["c", "d"], self.contents("sms.inbound"))
        [sixth] = self.publish("f")
        self.clock.pump([0.1] * 10)
        self.successResultOf(fifth)
        self.successResultOf(sixth)
        self.assertEqual(["e", "f"], self.contents("sms.inbound"))

    def test_wait_for_so_long(self) -> None:
        """Who has waited for too long is told that the queue is full."""
        *_, late = self.publish(*"abc", full_timeout=3)
        self.clock.pump([0.1] * 28)
        self.assertNoResult(late)
        self.clock.pump([0.1] * 5)
        self.failureResultOf(late, QueueFull)
        self.assertEqual(["a", "b"], self.contents("sms.inbound"))

    def test_wait_bounded(self) -> None:
        """Only so many may wait."""
        self.patch(pressure, "MOST_WAITING", 3)
        published = self.publish(*"abcdefg")
        for refused in published[5:]:
            self.failureResultOf(refused, QueueFull)
        self.assertNoResult(published[4])
        self.stop(self.own)
        for waiting in published[2:5]:
            self.failureResultOf(waiting, QueueFull)

    def test_wait_and_broker_away(self) -> None:
        """Who waits is told when the broker stops."""
        *_, waiting = self.publish(*"abc")
        self.broker.stop()
        self.clock.pump([0.1] * 3)
        self.failureResultOf(waiting, BrokerUnavailable)

    def test_fail(self) -> None:
        """Or it fails at once."""
        *_, third = self.publish(*"abc", when_full="fail")
        self.failureResultOf(third, QueueFull)

    def test_shed(self) -> None:
        """Or it is thrown away, counted, and told once a second."""
        events: list[Any] = []
        globalLogPublisher.addObserver(events.append)
        self.addCleanup(globalLogPublisher.removeObserver, events.append)
        published = self.publish(*"abcde", when_full="shed")
        self.assertEqual([None] * 3, [self.successResultOf(each) for each in published[2:]])
        self.assertEqual(3, self.own.shed)
        self.assertEqual([], [e for e in events if "thrown away" in str(e.get("log_format"))])
        self.clock.advance(1)
        [told] = [e for e in events if "thrown away" in str(e.get("log_format"))]
        self.assertEqual((3, "sms.inbound"), (told["count"], told["queue"]))
        self.assertEqual(["a", "b"], self.contents("sms.inbound"))

    def test_never_for_what_is_staged(self) -> None:
        """What a handler publishes is staged, and settled, however full the queue is."""
        connector = self.connector_named("other", max_in_flight=1)
        done: list[Any] = []

        def handle(message: Any) -> Deferred[Any]:
            publishing = connector.publish(
                "outbound", message.reply("x"), max_depth=1, when_full="fail"
            )
            done.append(publishing)
            return publishing

        connector.add_handler("inbound", handle)
        self.put("other.inbound", *[inbound(n, transport_name="other") for n in "abc"])
        self.clock.pump([0] * 5)
        self.assertEqual(3, len(done))
        self.assertEqual(["x"] * 3, self.contents("other.outbound"))

    def connector_named(self, name: str, **options: Any) -> Any:
        made = self.worker(**options).setup_connector(name, ("inbound",), ("outbound",))
        self.successResultOf(Deferred.fromCoroutine(made.start()))
        made.unpause()
        self.addCleanup(self.stop, made)
        return made
