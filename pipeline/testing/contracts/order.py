"""What is promised of messages that hold their place, and of queues that are read in order."""

from __future__ import annotations

from typing import Any

from pipeline.delivery import Delivery, Post, Settled
from pipeline.errors import ConfigError
from pipeline.testing.contracts.base import OTHER, QUEUE, Bench

__all__ = ["OrderContract"]

WON, FENCED = Settled.WON, Settled.FENCED


class OrderContract(Bench):
    """What is postponed knows its attempts; what is read in order is read by one at a time."""

    async def reader(self, broker: Any) -> Any:
        """A consumer that reads in order."""
        return await self.open(broker, ordered=True)

    # Postponed ---------------------------------------------------------------------------------

    async def postpone(self, consumer: Any, job: Delivery, delay: int = 0) -> None:
        """Let a second attempt of a delivery be due in some milliseconds."""
        noted = await self.soon(consumer.postpone(job, 2, b'["boom"]', delay))
        self.assertEqual((WON, 2, b'["boom"]'), (noted, job.attempt, job.history))
        self.assertIsNotNone(job.wait)

    async def test_postponed(self) -> None:
        """What is postponed stays in hand, and can be settled."""
        broker = await self.make_broker()
        consumer, job = await self.hand_one(broker)
        await self.postpone(consumer, job)
        self.assertEqual({job.id: job}, dict(consumer.in_hand))
        await self.assert_quiet(consumer)
        job.stage(Post(OTHER, b"x"))
        self.assertEqual([WON], await self.settle(consumer, job))
        self.assertEqual([b"x"], await self.payloads(broker, 1))

    async def test_postponed_and_settled(self) -> None:
        """What was settled can't be postponed."""
        broker = await self.make_broker()
        consumer, job = await self.hand_one(broker)
        await self.settle(consumer, job)
        noted = await self.soon(consumer.postpone(job, 2, b"[]", 0))
        self.assertEqual(Settled.LOST, noted)

    async def test_postponed_and_dead(self) -> None:
        """Who takes over what was postponed knows its attempt, and how long it has to wait."""
        dying, other = await self.make_broker(), await self.make_broker()
        consumer, job = await self.hand_one(dying)
        await self.postpone(consumer, job, 3_600_000)
        heir = await self.open(other)
        await self.lose(dying)
        job = await self.take_one(heir)
        self.assertEqual((2, b'["boom"]', 1), (job.attempt, job.history, job.deaths))
        self.assert_waits(other, job)
        self.assertEqual([WON], await self.settle(heir, job))

    async def test_postponed_and_handed_back(self) -> None:
        """What is handed back knows its attempt, and comes when its delay is over."""
        broker = await self.make_broker()
        consumer, job = await self.hand_one(broker)
        await self.postpone(consumer, job, 60_000)
        await self.soon(consumer.hand_back([job]))
        await self.assert_quiet(consumer)
        await self.elapse(61)
        job = await self.take_one(consumer)
        self.assertEqual((2, b'["boom"]'), (job.attempt, job.history))

    def assert_waits(self, broker: Any, job: Delivery) -> None:
        """A delivery waits for about an hour, on its process's clock."""
        clock = getattr(broker, "clock", None) or broker.server._clock
        left = (job.wait or 0) - clock.seconds()
        self.assertTrue(3500 < left <= 3600, left)

    # In order ----------------------------------------------------------------------------------

    async def test_one_reader(self) -> None:
        """Of several consumers one reads, in the order of the queue; the others wait."""
        first, second = await self.make_broker(), await self.make_broker()
        reading, waiting = await self.reader(first), await self.reader(second)
        await self.fill(first, b"1", b"2")
        taken = await self.take(reading, 2)
        await self.fill(first, b"3")
        await self.assert_quiet(waiting)
        taken += await self.take(reading)
        self.assertEqual([b"1", b"2", b"3"], [job.payload for job in taken])
        self.assertEqual([WON] * 3, await self.settle(reading, *taken))

    async def test_order_on_arrival(self) -> None:
        """A consumer that waits for messages is given one as soon as it comes."""
        broker = await self.make_broker()
        consumer = await self.reader(broker)
        waiting = consumer.take(10)
        await self.fill(broker, b"1")
        self.assertEqual([b"1"], [job.payload for job in await self.soon(waiting)])

    async def test_order_handed_over(self) -> None:
        """When the reader closes, the next begins at once with what was not settled, in order."""
        first, second = await self.make_broker(), await self.make_broker()
        leaving, coming = await self.reader(first), await self.reader(second)
        await self.fill(first, *[b"%d" % n for n in range(6)])
        jobs = await self.take(leaving, 4)
        waiting = coming.take(10)
        await self.settle(leaving, jobs[1])
        await self.soon(leaving.hand_back([job for job in jobs if job is not jobs[1]]))
        await self.soon(leaving.close())
        taken: list[Delivery] = await self.soon(waiting)
        taken += await self.take(coming, 5 - len(taken))
        self.assertEqual([b"0", b"2", b"3", b"4", b"5"], [job.payload for job in taken])
        self.assertEqual({(0, False)}, {(job.deaths, job.probation) for job in taken})
        self.assertEqual([WON] * 5, await self.settle(coming, *taken))

    async def test_order_handed_back(self) -> None:
        """What is handed back while the consumer reads on keeps its place."""
        broker = await self.make_broker()
        consumer = await self.reader(broker)
        await self.fill(broker, b"1", b"2", b"3")
        jobs = await self.take(consumer, 2)
        await self.soon(consumer.hand_back(jobs))
        taken = await self.take(consumer, 3)
        self.assertEqual([b"1", b"2", b"3"], [job.payload for job in taken])
        self.assertEqual([WON] * 3, await self.settle(consumer, *taken))

    async def test_order_after_death(self) -> None:
        """What a dead reader had comes first, one after the other on probation, then the new."""
        dying, other = await self.make_broker(), await self.make_broker()
        await self.fill(dying, b"1", b"2", b"3")
        await self.take(await self.reader(dying), 2)
        heir = await self.reader(other)
        await self.assert_quiet(heir)
        await self.lose(dying)
        [job] = await self.soon(heir.take(10))
        self.assertEqual((b"1", 1, True), (job.payload, job.deaths, job.probation))
        await self.assert_quiet(heir)
        self.assertEqual([WON], await self.settle(heir, job))
        [job] = await self.soon(heir.take(10))
        self.assertEqual((b"2", 1, True), (job.payload, job.deaths, job.probation))
        job = await self.take_one(heir)
        self.assertEqual((b"3", 0, False), (job.payload, job.deaths, job.probation))
        self.assertEqual([WON], await self.settle(heir, job))

    async def test_order_only_the_suspect_counts(self) -> None:
        """Of what a second dead reader took over, only what it was given counts its death."""
        first, second, third = [await self.make_broker() for _ in range(3)]
        await self.fill(first, b"poison", b"fine")
        await self.take(await self.reader(first), 2)
        heir = await self.reader(second)
        await self.lose(first)
        await self.take_one(heir)
        last = await self.reader(third)
        await self.lose(second)
        counted = {}
        for _ in range(2):
            job = await self.take_one(last)
            counted[job.payload] = job.deaths
            await self.settle(last, job)
        self.assertEqual({b"poison": 2, b"fine": 1}, counted)

    async def test_order_late_settler(self) -> None:
        """A reader that was called dead changes nothing any more, even if its heir did not yet."""
        dying, other = await self.make_broker(), await self.make_broker()
        late = await self.reader(dying)
        await self.fill(dying, b"1", b"2")
        jobs = await self.take(late, 2)
        heir = await self.reader(other)
        await self.lose(dying)
        again = await self.take_one(heir)
        jobs[0].stage(Post(OTHER, b"late"))
        self.assertEqual([FENCED, FENCED], await self.settle(late, *jobs))
        self.assertEqual(FENCED, await self.soon(late.postpone(jobs[1], 2, b"", 0)))
        again.stage(Post(OTHER, b"heir"))
        self.assertEqual([WON], await self.settle(heir, again))
        self.assertEqual([b"heir"], await self.payloads(other, 1))

    async def test_order_postponed(self) -> None:
        """What was postponed in order keeps its place and attempt when another reads on."""
        first, second = await self.make_broker(), await self.make_broker()
        leaving, coming = await self.reader(first), await self.reader(second)
        await self.fill(first, b"1", b"2")
        jobs = await self.take(leaving, 2)
        await self.postpone(leaving, jobs[0], 3_600_000)
        await self.soon(leaving.hand_back(jobs))
        await self.soon(leaving.close())
        taken = await self.take(coming, 2)
        self.assertEqual([(b"1", 2), (b"2", 1)], [(job.payload, job.attempt) for job in taken])
        self.assert_waits(second, taken[0])
        self.assertEqual([WON] * 2, await self.settle(coming, *taken))

    async def test_order_postponed_suspect(self) -> None:
        """A suspect that is postponed doesn't keep the next from being tried."""
        dying, other = await self.make_broker(), await self.make_broker()
        await self.fill(dying, b"1", b"2")
        await self.take(await self.reader(dying), 2)
        heir = await self.reader(other)
        await self.lose(dying)
        job = await self.take_one(heir)
        waiting = heir.take(1)
        await self.postpone(heir, job, 60_000)
        self.assertEqual([b"2"], [job.payload for job in await self.soon(waiting)])

    async def test_order_and_flush(self) -> None:
        """When the server has lost everything, reading goes on."""
        broker = await self.make_broker()
        consumer = await self.reader(broker)
        await self.fill(broker, b"lost")
        job = await self.take_one(consumer)
        await self.flush()
        self.assertEqual([FENCED], await self.settle(consumer, job))
        waiting = consumer.take(1)
        await self.fill(broker, b"new")
        self.assertEqual([b"new"], [each.payload for each in await self.soon(waiting)])

    async def test_order_at_memory_limit(self) -> None:
        """At the limit of its memory the server still lets messages be read, noted and settled."""
        broker = await self.make_broker()
        consumer = await self.reader(broker)
        await self.fill(broker, b"1", b"2")
        await self.limit_memory()
        jobs = await self.take(consumer, 2)
        await self.postpone(consumer, jobs[0])
        self.assertEqual([WON] * 2, await self.settle(consumer, *jobs))

    async def test_order_and_partitions(self) -> None:
        """The number of partitions can't be changed while messages wait; when empty, it can."""
        two, three = [await self.make_broker(partitions=n) for n in (2, 3)]
        consumer = await self.open(two, ordered=True, partition=1)
        await self.soon(two.publish([Post(QUEUE, b"x")], partition=1))
        await self.assert_fails(three.consumer(QUEUE, 0, ordered=True).open(), ConfigError)
        await self.settle(consumer, await self.take_one(consumer))
        await self.open(three, ordered=True, partition=2)
