"""What only the memory broker's ordered consumers show."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from pipeline.delivery import Post, Settled
from tests.brokers.memory.test_broker import MemoryBench

QUEUE = "q.inbound"


class Ordered(MemoryBench, TestCase):
    async def test_one_of_two_in_a_process(self) -> None:
        """Of two consumers of one process, too, one reads."""
        broker = await self.make_broker()
        first, second = [broker.consumer(QUEUE, ordered=True) for _ in range(2)]
        waiting = [first.take(1), second.take(1)]
        await broker.publish([Post(QUEUE, b"1"), Post(QUEUE, b"2")])
        [job] = self.successResultOf(waiting[0])
        self.assertNoResult(waiting[1])
        await first.settle([job])
        await first.close()
        [job] = self.successResultOf(waiting[1])
        self.assertEqual([Settled.WON], await second.settle([job]))

    async def test_not_closed_with_something_in_hand(self) -> None:
        """One that has something in hand is not closed, and keeps the lease."""
        broker = await self.make_broker()
        consumer = broker.consumer(QUEUE, ordered=True)
        await broker.publish([Post(QUEUE, b"1")])
        await consumer.take(1)
        with self.assertRaises(RuntimeError):
            await consumer.close()
        self.assertTrue(consumer.has_lease)
