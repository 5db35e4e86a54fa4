"""The memory broker keeps the contract, and what is its own."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase
from zope.interface.verify import verifyObject

from pipeline.brokers.memory import MemoryBroker, MemoryServer
from pipeline.delivery import Delivery, Post
from pipeline.errors import BrokerUnavailable, ServerRefused
from pipeline.interfaces import IBroker, IConsumer, IReader
from pipeline.signals import connection_lost, connection_made
from pipeline.testing.contracts import BrokerContract

START = 1_700_000_000


class MemoryBench:
    """The hooks of the contract, for memory brokers on a clock."""

    PATIENCE = 1.0

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(START)
        self.server = MemoryServer(self.clock)

    async def make_broker(self, **options: Any) -> MemoryBroker:
        broker = MemoryBroker(self.clock, server=self.server, **options)
        await broker.start()
        self.addCleanup(broker.stop)  # type: ignore[attr-defined]  # mixed into a TestCase
        return broker

    async def elapse(self, seconds: float) -> None:
        self.clock.advance(seconds)

    async def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)

    async def kill(self, broker: MemoryBroker) -> None:
        broker.die()

    async def flush(self) -> None:
        self.server.flush()


class MemoryContract(MemoryBench, BrokerContract, TestCase):
    """What every broker promises."""


class MemoryOnly(MemoryBench, TestCase):
    """What only the memory broker has."""

    def test_interfaces(self) -> None:
        """Broker, consumer and reader are what the interfaces say."""
        broker = MemoryBroker(self.clock)
        verifyObject(IBroker, broker)
        verifyObject(IConsumer, broker.consumer("work.inbound"))
        verifyObject(IReader, broker.reader())

    def test_nothing_left_on_the_clock(self) -> None:
        """A stopped broker leaves no call on the clock, and a started one goes on from there."""
        broker = MemoryBroker(self.clock)
        broker.start()
        broker.publish([Post("work.inbound", b"x", delay=5000)])
        self.assertEqual(1, len(self.clock.getDelayedCalls()))
        broker.stop()
        self.assertEqual([], self.clock.getDelayedCalls())
        self.clock.advance(10)
        broker.start()
        self.assertEqual(1, self.successResultOf(broker.depth("work.inbound")).waiting)
        broker.stop()

    def test_to_the_millisecond(self) -> None:
        """A delayed message is there at its time exactly."""
        broker = MemoryBroker(self.clock)
        broker.start()
        self.addCleanup(broker.stop)
        taking = broker.consumer("work.inbound").take(1)
        broker.publish([Post("work.inbound", b"x", delay=1500)])
        self.clock.advance(1.499)
        self.assertNoResult(taking)
        self.clock.advance(0.001)
        self.assertEqual(1, len(self.successResultOf(taking)))

    def test_dead_after(self) -> None:
        """A worker is dead when it has missed its beats for ``dead_after``, not before."""
        dying = MemoryBroker(self.clock, server=self.server)
        other = MemoryBroker(self.clock, server=self.server, dead_after=3)
        for broker in (dying, other):
            broker.start()
            self.addCleanup(broker.stop)
        dying.publish([Post("work.inbound", b"x")])
        self.successResultOf(dying.consumer("work.inbound").take(1))
        taking = other.consumer("work.inbound").take(1)
        dying.die()
        self.clock.advance(2.9)
        self.assertNoResult(taking)
        self.clock.advance(0.1)
        self.assertEqual(1, len(self.successResultOf(taking)))

    def test_not_started(self) -> None:
        """A broker that was never started has nothing to give and takes nothing."""
        broker = MemoryBroker(self.clock)
        self.failureResultOf(broker.publish([Post("q", b"x")]), BrokerUnavailable)
        self.failureResultOf(broker.consumer("q").take(1), BrokerUnavailable)

    def test_namespaces(self) -> None:
        """Namespaces on one server don't see each other."""
        brokers = [MemoryBroker(self.clock, server=self.server, namespace=name) for name in "ab"]
        for broker in brokers:
            broker.start()
            self.addCleanup(broker.stop)
        brokers[0].publish([Post("q", b"x")])
        self.assertEqual(0, self.successResultOf(brokers[1].depth("q")).waiting)

    def test_several_queues_at_once(self) -> None:
        """Posts that are published together are for one queue."""
        broker = MemoryBroker(self.clock)
        broker.start()
        self.addCleanup(broker.stop)
        self.failureResultOf(broker.publish([Post("a", b""), Post("b", b"")]), ValueError)

    def test_one_take_at_a_time(self) -> None:
        """A second take while one is out is an error; a cancelled one makes room."""
        broker = MemoryBroker(self.clock)
        broker.start()
        self.addCleanup(broker.stop)
        consumer = broker.consumer("q")
        taking = consumer.take(1)
        self.failureResultOf(consumer.take(1), RuntimeError)
        taking.addErrback(lambda _: None).cancel()
        taken: list[Delivery] = []
        consumer.take(1).addCallback(taken.extend)
        broker.publish([Post("q", b"x")])
        self.assertEqual([b"x"], [delivery.payload for delivery in taken])

    def test_close_with_something_in_hand(self) -> None:
        """A consumer with a message in hand doesn't close."""
        broker = MemoryBroker(self.clock)
        broker.start()
        self.addCleanup(broker.stop)
        consumer = broker.consumer("q")
        broker.publish([Post("q", b"x")])
        self.successResultOf(consumer.take(1))
        self.failureResultOf(consumer.close(), RuntimeError)

    def test_stop_ends_a_take(self) -> None:
        """A take that waits when the broker stops ends with nothing."""
        broker = MemoryBroker(self.clock)
        broker.start()
        taking = broker.consumer("q").take(1)
        broker.stop()
        self.assertEqual([], self.successResultOf(taking))

    def test_late_for_a_gone_instance(self) -> None:
        """What is published to an instance that is gone is a dead letter at once."""
        broker = MemoryBroker(self.clock)
        broker.start()
        self.addCleanup(broker.stop)
        consumer = broker.consumer("web.outbound@1", instance=True)
        consumer.open()
        consumer.close()
        broker.publish([Post("web.outbound@1", b"late")])
        self.assertEqual(1, self.successResultOf(broker.depth("web.outbound")).dead)

    def test_unknown_read(self) -> None:
        """A read that there isn't fails."""
        reader = MemoryBroker(self.clock).reader()
        self.failureResultOf(reader.read("explode", "key"), ServerRefused)


class Telling(MemoryBench, TestCase):
    """Who listens is told when it comes and goes."""

    async def test_told(self) -> None:
        """Made, and lost once, by stopping or by dying."""
        told: list[Any] = []

        def hear(signal: Any, sender: Any, reason: str = "", **named: Any) -> None:
            told.append((sender, signal is connection_made, reason))

        for signal in (connection_made, connection_lost):
            signal.connect(hear)
            self.addCleanup(signal.disconnect, hear)
        one, other = await self.make_broker(), await self.make_broker()
        other.die()
        for each in (one, other):
            await each.stop()
        reason = "the broker has been stopped"
        expected = [
            (one, True, ""),
            (other, True, ""),
            (other, False, reason),
            (one, False, reason),
        ]
        self.assertEqual(expected, told)
