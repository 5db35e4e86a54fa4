"""What is promised of queues of which only so much may be taken."""

from __future__ import annotations

from typing import Any

from pipeline.delivery import Delivery, Limit, Settled
from pipeline.testing.contracts.base import QUEUE, Bench

__all__ = ["LimitsContract"]

WON = Settled.WON


class LimitsContract(Bench):
    """No more is in hand, or was taken lately, than the limit says: of all consumers together."""

    async def limited(self, broker: Any, limit: Limit) -> Any:
        """A consumer of a queue with a limit."""
        return await self.open(broker, limit=limit)

    async def test_concurrency(self) -> None:
        """All consumers together have no more in hand than may be."""
        first, second = await self.make_broker(), await self.make_broker()
        limit = Limit(concurrency=3)
        one, other = await self.limited(first, limit), await self.limited(second, limit)
        await self.fill(first, *[b"%d" % n for n in range(5)])
        jobs = await self.take(one, 2)
        jobs += await self.soon(other.take(10))
        self.assertEqual([b"0", b"1", b"2"], [job.payload for job in jobs])
        await self.assert_quiet(one)
        await self.assert_quiet(other)

    async def test_released(self) -> None:
        """Who waits for room is given a message as soon as another process has settled one."""
        first, second = await self.make_broker(), await self.make_broker()
        limit = Limit(concurrency=1)
        one, other = await self.limited(first, limit), await self.limited(second, limit)
        await self.fill(first, b"1", b"2")
        job = await self.take_one(one)
        waiting = other.take(10)
        await self.wait(self.MOMENT)
        self.assertEqual([WON], await self.settle(one, job))
        self.assertEqual([b"2"], [job.payload for job in await self.soon(waiting)])

    async def test_released_by_hand_back(self) -> None:
        """What is handed back leaves its room to others."""
        first, second = await self.make_broker(), await self.make_broker()
        limit = Limit(concurrency=1)
        one, other = await self.limited(first, limit), await self.limited(second, limit)
        await self.fill(first, b"1")
        job = await self.take_one(one)
        waiting = other.take(10)
        await self.wait(self.MOMENT)
        await self.soon(one.hand_back([job]))
        self.assertEqual([b"1"], [job.payload for job in await self.soon(waiting)])

    async def test_concurrency_after_death(self) -> None:
        """What the dead had in hand counts until another has settled it; then there is room."""
        dying, other = await self.make_broker(), await self.make_broker()
        limit = Limit(concurrency=2)
        await self.fill(dying, b"1", b"2", b"3")
        await self.take(await self.limited(dying, limit), 2)
        heir = await self.limited(other, limit)
        await self.assert_quiet(heir)
        await self.lose(dying)
        seen: list[bytes] = []
        while len(seen) < 3:
            jobs = await self.soon(heir.take(10))
            seen += [job.payload for job in jobs]
            depth = await self.soon(other.depth(QUEUE))
            self.assertLessEqual(depth.in_hand, 2)
            self.assertEqual([WON] * len(jobs), await self.settle(heir, *jobs))
        self.assertEqual([b"1", b"2", b"3"], sorted(seen))

    async def test_comes(self) -> None:
        """A consumer that waits while there is room is given what comes."""
        broker = await self.make_broker()
        consumer = await self.limited(broker, Limit(concurrency=1, rate=5))
        waiting = consumer.take(10)
        await self.wait(self.MOMENT)
        await self.fill(broker, b"1")
        self.assertEqual([b"1"], [job.payload for job in await self.soon(waiting)])

    async def test_rate(self) -> None:
        """Of a queue with a rate no more is taken in a period, though all has been settled."""
        first, second = await self.make_broker(), await self.make_broker()
        limit = Limit(rate=2, period=3_600_000)
        one, other = await self.limited(first, limit), await self.limited(second, limit)
        await self.fill(first, b"1", b"2", b"3")
        jobs = await self.take(one, 1)
        await self.settle(one, *jobs)
        jobs = await self.soon(other.take(10))
        self.assertEqual([b"2"], [job.payload for job in jobs])
        await self.settle(other, *jobs)
        await self.assert_quiet(one)
        await self.assert_quiet(other)

    async def test_rate_goes_on(self) -> None:
        """When the period is over, and not before, more is given to who waits, by itself."""
        broker = await self.make_broker()
        consumer = await self.limited(broker, Limit(rate=2, period=500))
        await self.fill(broker, b"1", b"2", b"3")
        began = await self.soon(broker.now())
        await self.take(consumer, 2)
        waiting = consumer.take(10)
        await self.wait(0.6)
        self.assertEqual([b"3"], [job.payload for job in await self.soon(waiting)])
        self.assertGreaterEqual(await self.soon(broker.now()) - began, 500)

    async def test_rate_after_death(self) -> None:
        """What is taken over from the dead counts in the rate once more."""
        dying, other = await self.make_broker(), await self.make_broker()
        limit = Limit(rate=1, period=round(4000 * self.DEAD_AFTER))
        await self.fill(dying, b"1")
        await self.take(await self.limited(dying, limit))
        heir = await self.limited(other, limit)
        await self.lose(dying)
        await self.assert_quiet(heir)
        await self.wait(3 * self.DEAD_AFTER)
        job: Delivery = await self.take_one(heir)
        self.assertEqual((b"1", True), (job.payload, job.probation))

    async def test_limited_and_interrupted(self) -> None:
        """A take that waits for room can be interrupted."""
        broker = await self.make_broker()
        consumer = await self.limited(broker, Limit(concurrency=1))
        await self.fill(broker, b"1", b"2")
        await self.take_one(consumer)
        waiting = consumer.take(1)
        await self.wait(self.MOMENT)
        await self.soon(consumer.interrupt())
        self.assertEqual([], await self.soon(waiting))
