"""Tests of pipeline.brokers.memory.limited, beyond the contract."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import TestCase

from pipeline.delivery import Limit, Post
from tests.brokers.memory.test_broker import MemoryBench

QUEUE = "work.inbound"


class MemoryLimited(MemoryBench, TestCase):
    """What is exact on a Clock."""

    async def reading(self, limit: Limit, count: int) -> Any:
        """A consumer of a queue with so many messages."""
        self.broker = await self.make_broker()
        consumer = self.broker.consumer(QUEUE, limit=limit)
        await consumer.open()
        await self.broker.publish([Post(QUEUE, b"%d" % n) for n in range(count)])
        return consumer

    async def test_any_window(self) -> None:
        """In no window of a period's length is more taken than the rate, and no less than it."""
        consumer = await self.reading(Limit(rate=3, period=1000), 12)
        taken: list[int] = []
        while len(taken) < 12:
            waiting = consumer.take(10)
            while not waiting.called:
                self.clock.advance(0.1)
            jobs = await waiting
            taken += [self.server.now()] * len(jobs)
            await consumer.settle(jobs)
            self.clock.advance(0.2)
        windows = [sum(start <= each < start + 1000 for each in taken) for start in taken]
        self.assertEqual(3, max(windows))
        self.assertLessEqual(taken[-1] - taken[0], 3300)

    async def test_no_alarm(self) -> None:
        """Nothing is left on the clock once nobody waits for a rate any more."""
        consumer = await self.reading(Limit(rate=1, period=1000), 2)
        await consumer.take(1)
        waiting = consumer.take(1)
        self.assertEqual(1, len(self.clock.getDelayedCalls()))
        self.clock.advance(1)
        await waiting
        self.assertEqual([], self.clock.getDelayedCalls())
