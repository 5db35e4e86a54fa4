"""Tests of pipeline.brokers.redis.limited, beyond the contract."""

from __future__ import annotations

from typing import Any

from pipeline.brokers.redis.limited import _LIMITED
from pipeline.delivery import Limit
from tests.brokers.redis.bench import QUEUE, RedisCase


class LimitedReading(RedisCase):
    """What the script answers, and what is left on the server."""

    async def limited(self, limit: Limit) -> Any:
        """A consumer of a queue with a limit."""
        self.redis = await self.make_broker()
        return await self.open(self.redis, limit=limit)

    async def test_nothing_reserved(self) -> None:
        """A consumer that waits for messages holds no place that others could want."""
        consumer = await self.limited(Limit(concurrency=1, rate=1, period=60_000))
        waiting = consumer.take(1)
        other = await self.open(await self.make_broker(), limit=consumer._limit)
        await self.soon(consumer.interrupt())
        self.assertEqual([], await self.soon(waiting))
        await self.fill(self.redis, b"1")
        self.assertEqual([b"1"], [job.payload for job in await self.take(other, 1)])

    async def test_keys(self) -> None:
        """What remembers a rate is gone a period later, and one entry tells of room."""
        consumer = await self.limited(Limit(concurrency=2, rate=100, period=60_000))
        await self.fill(self.redis, *[b"x"] * 8)
        for _ in range(4):
            await consumer.settle(await self.take(consumer, 2))
        taken, released = (f"{{{self.namespace}:0}}:{key}:{QUEUE}" for key in "nk")
        self.assertEqual(8, self.tell("ZCARD", taken))
        self.assertTrue(0 < self.tell("PTTL", taken) <= 60_000)
        self.assertEqual(1, self.tell("XLEN", released))

    async def test_lost_reply(self) -> None:
        """Entries whose reply was lost are found again, and are within the limit."""
        consumer = await self.limited(Limit(concurrency=2, rate=100))
        await self.fill(self.redis, b"1", b"2", b"3")
        await self.redis.client.run(_LIMITED, *self.order(consumer, 1))
        jobs = await self.take(consumer, 2)
        self.assertEqual({b"1", b"2"}, {job.payload for job in jobs})

    async def test_clock_set_back(self) -> None:
        """A clock that was set back holds nobody up for longer than a period."""
        consumer = await self.limited(Limit(rate=1, period=60_000))
        await self.fill(self.redis, b"1", b"2")
        await self.elapse(3600)
        await self.take(consumer, 1)
        await self.elapse(-3600)
        self.assertEqual([b"2"], [job.payload for job in await self.take(consumer, 1)])

    async def test_flushed(self) -> None:
        """After the server has lost all it makes its group anew, and reads on."""
        consumer = await self.limited(Limit(concurrency=1, rate=100))
        waiting = consumer.take(1)
        await self.pause(0.1)
        await self.flush()
        await self.fill(self.redis, b"1")
        self.assertEqual([b"1"], [job.payload for job in await self.soon(waiting)])

    async def test_no_busy_waiting(self) -> None:
        """Who waits for room asks the server once, and then sleeps until there is some."""
        consumer = await self.limited(Limit(concurrency=1))
        await self.fill(self.redis, b"1", b"2")
        [job] = await self.take(consumer, 1)
        waiting = consumer.take(1)
        await self.pause(0.3)
        before = self.calls()
        await self.pause(1.0)
        self.assertLessEqual(self.calls() - before, 1)
        await consumer.settle([job])
        self.assertEqual([b"2"], [job.payload for job in await self.soon(waiting)])

    def calls(self) -> int:
        """How many reads of streams that block the server has begun."""
        text = self.tell("INFO", "commandstats").decode()
        lines = [line for line in text.splitlines() if line.startswith("cmdstat_xread:")]
        return int(lines[0].split("calls=")[1].split(",")[0]) if lines else 0

    def order(self, consumer: Any, count: int) -> tuple[list[Any], list[Any]]:
        """The script's keys and arguments, as this consumer has them."""
        at = consumer._layout
        keys = [consumer._stream, at.taken(QUEUE), at.released(QUEUE)]
        return keys, [b"pipeline", self.redis.worker_id, count, *consumer._limit, 0, "NEW"]
