"""A place is shared by helpers, and taken apart by the last one."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher

from pipeline.codec import Codec
from pipeline.testing.cases import PipelineTestCase
from pipeline.testing.places import InMemory, OnServer, Place
from pipeline.testing.workers import WorkerHelper
from tests.testing.echo import Echo


class Sharing(PipelineTestCase):
    """Several helpers in one place."""

    def test_last_one(self) -> None:
        """The brokers are stopped when the last helper leaves, and not before."""
        place = InMemory()
        first, second = WorkerHelper("sms", place=place), WorkerHelper("sms", place=place)
        broker = second.get_worker(Echo).now().broker
        first.cleanup().now()
        self.assertTrue(broker.available)
        second.cleanup().now()
        self.assertFalse(broker.available)

    def test_nothing_remains(self) -> None:
        """Nothing is left on the clock, and cleaning up twice does no harm."""
        clock = Clock()
        helper = WorkerHelper("sms", place=InMemory(clock))
        helper.get_worker(Echo)
        helper.make_dispatch_inbound("hi")
        helper.get_dispatched_outbound()
        helper.cleanup().now()
        helper.cleanup().now()
        self.assertEqual([], clock.getDelayedCalls())

    def test_owner(self) -> None:
        """A place knows its workers' connectors, and no others."""
        helper, other = (self.add_helper(WorkerHelper("sms")) for _ in range(2))
        worker = helper.get_worker(Echo).now()
        self.assertIs(worker, helper.place.owner_of(worker.connector))
        self.assertIs(None, other.place.owner_of(worker.connector))

    async def test_options(self) -> None:
        """A place's options are those of its brokers, in memory and over a server."""
        places: list[Place] = [
            InMemory(codec=Codec("msgpack"), partitions=2, dead_after=3),
            OnServer(codec=Codec("msgpack"), partitions=2, dead_after=3),
        ]
        for place in places:
            helper = self.add_helper(WorkerHelper("sms", place=place))
            worker = await helper.get_worker(Echo)
            broker = worker.broker
            self.assertEqual(
                (2, 3, place.namespace), (broker.partitions, broker.dead_after, broker.namespace)
            )
            await helper.make_dispatch_inbound("hi")
            await helper.wait_for_dispatched_outbound(1)

    def test_unused(self) -> None:
        """A place that no helper works in watches nothing, and one that is left no more."""
        watchers = len(globalLogPublisher._observers)
        place = InMemory()
        self.assertEqual(watchers, len(globalLogPublisher._observers))
        helper = WorkerHelper("sms", place=place)
        self.assertEqual(watchers + 1, len(globalLogPublisher._observers))
        helper.cleanup().now()
        self.assertEqual(watchers, len(globalLogPublisher._observers))

    def test_kinds_of_time(self) -> None:
        """In memory time is turned by hand, unless the reactor is given; over a server it isn't."""
        from twisted.internet import reactor

        by_hand = [place.is_manual for place in (InMemory(), InMemory(reactor), OnServer())]
        self.assertEqual([True, False, False], by_hand)
