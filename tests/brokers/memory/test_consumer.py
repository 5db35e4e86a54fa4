"""What only the consumers of the memory broker show."""

from __future__ import annotations

from twisted.trial.unittest import TestCase
from zope.interface.verify import verifyObject

from pipeline.brokers.memory.consumer import MemoryConsumer
from pipeline.delivery import Post
from pipeline.interfaces import IConsumer
from tests.brokers.memory.test_broker import MemoryBench


class Consuming(MemoryBench, TestCase):
    async def test_interface(self) -> None:
        """It is what the interface says."""
        broker = await self.make_broker()
        self.assertTrue(verifyObject(IConsumer, MemoryConsumer(broker, "q.inbound", 0, False)))

    async def test_postponed_without_delay(self) -> None:
        """A wait is told on the clock, in seconds."""
        broker = await self.make_broker()
        consumer = broker.consumer("q.inbound")
        await broker.publish([Post("q.inbound", b"x")])
        [job] = await consumer.take(1)
        await consumer.postpone(job, 2, b"[]", 1500)
        self.assertEqual(self.clock.seconds() + 1.5, job.wait)
