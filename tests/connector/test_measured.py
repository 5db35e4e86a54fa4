"""What a connector does is counted as it is, and without a meter nothing is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from twisted.internet.defer import Deferred

from pipeline.connector.flow import Flow
from pipeline.connector.handling import Inlet
from pipeline.connector.measured import REASONS, parts_for, plain_queue
from pipeline.connector.ordered import flow_for
from pipeline.connector.publishing import Publisher
from pipeline.errors import QueueFull
from pipeline.observe.meter import OTHER, Meter
from pipeline.outcome import DeadLetter, Done, Dropped, Retry
from tests.workers import WorkerCase, inbound, nack

INBOUND = ("worker", "sms.inbound", "inbound")


class MeasuredCase(WorkerCase):
    """A connector ``sms`` that is measured, one of two deliveries timed."""

    def setUp(self) -> None:
        super().setUp()
        self.meter = Meter(2, self.clock.seconds)
        self.runtime = replace(self.runtime, meter=self.meter)

    def handled_as(self, outcome: Any, **options: Any) -> Any:
        """A connector whose handler returns this, or what it makes of the message."""
        connector = self.connector(**options)
        make = outcome if callable(outcome) else lambda message: outcome
        connector.add_handler("inbound", make)
        return connector

    def count(self, name: str, *labels: str) -> int:
        return self.meter.counter(name, *labels).value

    def settled(self) -> dict[str, int]:
        """The outcomes of sms.inbound, as far as there are any."""
        cells = self.meter.counters["pipeline_messages_settled"].cells
        return {
            labels[-1]: cell.value
            for labels, cell in cells.items()
            if cell.value and labels[:3] == INBOUND
        }

    def times(self, name: str, *labels: str) -> tuple[int, float]:
        found = self.meter.histogram(name, *labels)
        return sum(found.counts), found.sum


class Outcomes(MeasuredCase):
    """Each outcome is counted once, when it is true."""

    def test_done(self) -> None:
        """Messages that are done, by queue and kind."""
        self.handled_as(None)
        self.put("sms.inbound", *map(inbound, "abc"))
        self.put("sms.event", nack(inbound("x")))
        self.assertEqual({"done": 3}, self.settled())
        event = ("worker", "sms.event", "event", "done")
        self.assertEqual(1, self.count("pipeline_messages_settled", *event))

    def test_others(self) -> None:
        """Dropped, retried, dead with its reason, and done when it says so."""
        said = {
            "a": Dropped("x"),
            "b": Retry(60),
            "c": DeadLetter(None, "odd"),
            "d": Done(),
        }
        self.handled_as(lambda message: said[message.content])
        self.put("sms.inbound", *map(inbound, "abcd"))
        self.assertEqual({"dropped": 1, "retried": 1, "dead": 1, "done": 1}, self.settled())
        self.assertEqual(1, self.count("pipeline_dead_letters", *INBOUND, "odd"))
        self.clock.advance(61)
        self.clock.advance(1)
        self.assertEqual(2, self.settled()["retried"])

    def test_retried_in_order(self) -> None:
        """With an ordering what is tried again stays in hand; it counts as retried all the same."""
        said = [Retry(60), None]
        self.handled_as(lambda message: said.pop(0), ordering="process")
        self.put("sms.inbound", inbound("a"))
        self.assertEqual({"retried": 1}, self.settled())
        self.clock.advance(61)
        self.clock.advance(1)
        self.assertEqual({"retried": 1, "done": 1}, self.settled())

    def test_reasons(self) -> None:
        """However many reasons are made up, so many are told apart."""
        self.handled_as(lambda message: DeadLetter(None, message.content))
        self.put("sms.inbound", *(inbound(str(n)) for n in range(REASONS + 5)))
        self.assertEqual(1, self.count("pipeline_dead_letters", *INBOUND, "0"))
        self.assertEqual(5, self.count("pipeline_dead_letters", *INBOUND, OTHER))

    def test_lost(self) -> None:
        """What another has settled first is lost."""
        hold: Deferred[None] = Deferred()
        connector = self.handled_as(lambda message: hold)
        self.put("sms.inbound", inbound("a"))
        consumer = connector._flow.sources[0].consumer
        [delivery] = consumer.in_hand.values()
        self.successResultOf(consumer.settle([delivery]))
        hold.callback(None)
        self.clock.advance(0)
        self.assertEqual({"lost": 1}, self.settled())


class Times(MeasuredCase):
    """Waits, latencies, handling."""

    def test_latency(self) -> None:
        """From the queue to the hand, and from the queue to the end."""
        hold: Deferred[None] = Deferred()
        connector = self.handled_as(lambda message: hold)
        connector.pause()
        self.put("sms.inbound", inbound("a"))
        self.clock.advance(2)
        connector.unpause()
        self.clock.advance(0)
        self.assertEqual((1, 2.0), self.rounded("pipeline_wait_seconds"))
        self.assertEqual((0, 0.0), self.rounded("pipeline_latency_seconds"))
        self.clock.advance(3)
        hold.callback(None)
        self.clock.advance(0)
        self.assertEqual((1, 5.0), self.rounded("pipeline_latency_seconds"))

    def rounded(self, name: str) -> tuple[int, float]:
        count, seconds = self.times(name, *INBOUND)
        return count, round(seconds, 2)

    def test_retried(self) -> None:
        """What is tried again has waited once, and its latency is known at its end."""
        said = [Retry(60), None]
        self.handled_as(lambda message: said.pop(0))
        self.put("sms.inbound", inbound("a"))
        self.assertEqual((1, 0), (self.rounded("pipeline_wait_seconds")[0], len(self.latencies())))
        for _ in range(61):
            self.clock.advance(1)
        self.assertEqual(1, self.rounded("pipeline_wait_seconds")[0])
        count, seconds = self.rounded("pipeline_latency_seconds")
        self.assertEqual(1, count)
        self.assertGreaterEqual(seconds, 60)

    def latencies(self) -> list[int]:
        return [n for n in self.meter.histogram("pipeline_latency_seconds", *INBOUND).counts if n]

    def test_sampled(self) -> None:
        """One of two is timed while it is handled, also when it fails."""
        self.handled_as(lambda message: 1 / 0)
        self.put("sms.inbound", *map(inbound, "abcde"))
        self.assertEqual(3, self.times("pipeline_handling_seconds", "worker", "sms", "inbound")[0])
        self.flushLoggedErrors()


class Published(MeasuredCase):
    """What is put on queues."""

    def published(self, queue: str) -> int:
        return self.count("pipeline_messages_published", "worker", queue)

    def test_staged(self) -> None:
        """What a handler publishes counts when it is settled, and not if it fails."""
        connector = self.connector()

        async def handle(message: Any) -> None:
            await connector.publish("outbound", message.reply("yes"))
            if message.content == "b":
                raise KeyError("x")

        connector.add_handler("inbound", handle)
        self.put("sms.inbound", *map(inbound, "abc"))
        self.assertEqual(2, self.published("sms.outbound"))
        self.assertEqual({"done": 2, "retried": 1}, self.settled())
        self.assertEqual(0, self.published("sms.inbound"))

    def test_edge(self) -> None:
        """What is published at once counts when it is stored; queues of instances are one."""
        connector = self.connector()
        message = inbound("a").reply("x")
        self.successResultOf(connector.publish("outbound", message))
        message = inbound("a").reply("x")
        message.transport_metadata["reply_instance"] = "1234"
        self.successResultOf(connector.publish("outbound", message, queue="sms.outbound@1234"))
        self.assertEqual(2, self.published("sms.outbound"))
        self.assertEqual("sms.outbound", plain_queue("sms.outbound@1234"))

    def test_refused(self) -> None:
        """What found no room, or was shed, doesn't count."""
        connector = self.connector()
        for expected in (1, 1):
            publishing = connector.publish("outbound", inbound("a").reply("x"), max_depth=1)
            publishing.addErrback(lambda failure: failure.trap(QueueFull))
            self.assertEqual(expected, self.published("sms.outbound"))
        connector.publish("outbound", inbound("a").reply("x"), max_depth=1, when_full="shed")
        self.assertEqual((1, 1), (self.published("sms.outbound"), connector.shed))
        self.clock.advance(2)


class Off(WorkerCase):
    """Without a meter."""

    def test_plain(self) -> None:
        """A connector is made of the plain parts: nothing is paid."""
        self.assertEqual((Publisher, Inlet, flow_for), parts_for(None, "w"))
        connector = self.connector()
        self.assertIs(Flow, type(connector._flow))
        self.assertIs(Publisher, type(connector._publisher))
        self.assertEqual({Inlet}, {type(each) for each in connector._inlets.values()})
