"""The number of partitions of a queue in order is agreed upon."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from pipeline.brokers.redis.shape import agree_on_partitions
from pipeline.delivery import Post
from pipeline.errors import ConfigError
from pipeline.testing.contracts.base import QUEUE, Bench
from tests.brokers.redis.bench import RedisBench


class Shape(RedisBench, Bench, TestCase):
    async def agree(self, partitions: int) -> None:
        client = self.brokers[0].client
        await agree_on_partitions(client, self.reactor, self.namespace, QUEUE, partitions)

    async def test_empty(self) -> None:
        """While the queue is empty it may change."""
        await self.make_broker(partitions=3)
        for partitions in (2, 2, 3, 1):
            await self.agree(partitions)

    async def test_delayed(self) -> None:
        """A delayed message keeps it as it is, and the error says what to do."""
        broker = await self.make_broker(partitions=3)
        await self.agree(3)
        await self.soon(broker.publish([Post(QUEUE, b"x", delay=60_000)], partition=2))
        with self.assertRaises(ConfigError) as caught:
            await self.agree(2)
        self.assertIn("holds 1 messages in 3 partitions, so it can't have 2", str(caught.exception))
        self.assertIn("'partitions: 3' until it is empty", str(caught.exception))
        await self.agree(3)
