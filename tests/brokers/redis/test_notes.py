"""Notes of failed attempts lie beside the stream, as long as they are needed."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from pipeline.brokers.redis.layout import GROUP
from pipeline.delivery import Settled
from pipeline.testing.contracts.base import QUEUE, Bench
from tests.brokers.redis.bench import RedisBench


class Notes(RedisBench, Bench, TestCase):
    async def note(self) -> None:
        self.broker_ = await self.make_broker()
        self.consumer, self.job = await self.hand_one(self.broker_)
        self.key = self.broker_.layouts[0].notes(QUEUE)
        await self.soon(self.consumer.postpone(self.job, 2, b"[1 2]", 5000))

    async def test_goes_when_settled(self) -> None:
        """A note is there until its message is settled, and no longer."""
        await self.note()
        self.assertEqual(1, self.tell("HLEN", self.key))
        self.assertEqual([Settled.WON], await self.settle(self.consumer, self.job))
        self.assertEqual(0, self.tell("EXISTS", self.key))

    async def test_kept(self) -> None:
        """Notes of a queue that nobody settles are kept for long, not for ever."""
        await self.note()
        self.assertGreater(self.tell("TTL", self.key), 20 * 86_400)

    async def test_history_with_spaces(self) -> None:
        """A history comes back as it was, and a wait that is over is none."""
        await self.note()
        self.offset = self.broker_.time_offset_ms = 6000
        self.job.history, self.job.wait = b"", None
        await self.consumer._notes.read([self.job])
        self.assertEqual((2, b"[1 2]"), (self.job.attempt, self.job.history))
        self.assertLessEqual(self.job.wait, self.reactor.seconds())

    async def test_no_group(self) -> None:
        """What was in a group that is gone is not ours any more."""
        await self.note()
        self.tell("XGROUP", "DESTROY", self.broker_.layouts[0].stream(QUEUE), GROUP)
        noted = await self.soon(self.consumer.postpone(self.job, 3, b"", 0))
        self.assertEqual(Settled.FENCED, noted)
        self.consumer.in_hand.clear()
