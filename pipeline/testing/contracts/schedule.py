"""What delays and de-duplication promise."""

from __future__ import annotations

from pipeline.delivery import Post
from pipeline.testing.contracts.base import OTHER, QUEUE, Bench

__all__ = ["ScheduleContract"]

#: A delay and a window, in ms, of which half passes in no test by itself.
LONG = 600_000


class ScheduleContract(Bench):
    """Delayed messages come when they are due, each of them; twins are told apart."""

    async def test_not_before(self) -> None:
        """A delayed message is on its queue after its delay, not before."""
        broker = await self.make_broker()
        consumer = await self.open(broker)
        await self.soon(broker.publish([Post(QUEUE, b"later", delay=LONG)]))
        await self.elapse(LONG / 1000 - 60)
        await self.assert_quiet(consumer)
        self.assertEqual((0, 0, 1, 0), tuple(await self.soon(broker.depth(QUEUE))))
        await self.elapse(61)
        self.assertEqual(b"later", (await self.take_one(consumer)).payload)
        self.assertEqual(0, (await self.soon(broker.depth(QUEUE))).delayed)

    async def test_wakes_who_waits(self) -> None:
        """A message that becomes due wakes a take that waits."""
        broker = await self.make_broker()
        consumer = await self.open(broker)
        taking = consumer.take(1)
        await self.soon(broker.publish([Post(QUEUE, b"later", delay=LONG)]))
        await self.elapse(LONG / 1000 + 1)
        self.assertEqual([b"later"], [d.payload for d in await self.soon(taking)])

    async def test_delayed_headers(self) -> None:
        """A delayed message keeps its headers and its bytes."""
        broker = await self.make_broker()
        consumer = await self.open(broker)
        headers = (b"a", b"4", b"d", b"2", b"t", b"1700000000123", b"h", b"[1]", b"c", b"{}")
        payload = bytes(range(256))
        await self.soon(broker.publish([Post(QUEUE, payload, headers, delay=LONG)]))
        await self.elapse(LONG / 1000 + 1)
        taken = await self.take_one(consumer)
        self.assertEqual((payload, 4, 2), (taken.payload, taken.attempt, taken.deaths))
        told = (taken.enqueued_at, taken.history, taken.trace)
        self.assertEqual((1700000000123, b"[1]", b"{}"), told)

    async def test_delayed_retry(self) -> None:
        """A retry, staged with its delay for the same queue, comes when it is due."""
        broker = await self.make_broker()
        consumer, job = await self.hand_one(broker)
        job.stage(Post(QUEUE, job.payload, (b"a", b"2"), delay=LONG))
        await self.settle(consumer, job)
        await self.assert_quiet(consumer)
        await self.elapse(LONG / 1000 + 1)
        self.assertEqual(2, (await self.take_one(consumer)).attempt)

    async def test_delayed_order(self) -> None:
        """Delayed messages come in the order in which they are due."""
        broker = await self.make_broker()
        consumer = await self.open(broker)
        for n in (3, 1, 2):
            await self.soon(broker.publish([Post(QUEUE, b"%d" % n, delay=n * LONG)]))
        await self.elapse(2 * LONG / 1000 + 1)
        self.assertEqual([b"1", b"2"], [d.payload for d in await self.take(consumer, 2)])
        await self.elapse(LONG / 1000 + 1)
        self.assertEqual(b"3", (await self.take_one(consumer)).payload)

    async def test_delayed_twins(self) -> None:
        """Delayed messages that are alike to the byte are as many as were sent."""
        broker = await self.make_broker()
        consumer, job = await self.hand_one(broker)
        twin = Post(QUEUE, b"same", delay=LONG)
        await self.soon(broker.publish([twin, twin]))
        await self.soon(broker.publish([twin]))
        job.stage(twin)
        job.stage(twin._replace(unique="one"))
        job.stage(twin._replace(unique="two"))
        await self.settle(consumer, job)
        self.assertEqual(6, (await self.soon(broker.depth(QUEUE))).delayed)
        await self.elapse(LONG / 1000 + 1)
        self.assertEqual([b"same"] * 6, [d.payload for d in await self.take(consumer, 6)])

    async def test_many_due(self) -> None:
        """Hundreds that become due together all come."""
        broker = await self.make_broker()
        consumer = await self.open(broker)
        posts = [Post(QUEUE, b"%d" % n, delay=LONG) for n in range(350)]
        await self.soon(broker.publish(posts))
        await self.elapse(LONG / 1000 + 1)
        taken = {d.payload for d in await self.take(consumer, 350)}
        self.assertEqual({b"%d" % n for n in range(350)}, taken)
        await self.assert_quiet(consumer)

    async def test_other_process(self) -> None:
        """A delayed message doesn't depend on the process that published it."""
        publisher, reader = await self.make_broker(), await self.make_broker()
        consumer = await self.open(reader)
        await self.soon(publisher.publish([Post(QUEUE, b"later", delay=LONG)]))
        await self.soon(publisher.stop())
        await self.elapse(LONG / 1000 + 1)
        self.assertEqual(b"later", (await self.take_one(consumer)).payload)

    async def test_window(self) -> None:
        """A second message with the same mark is left out while the window lasts, no longer."""
        broker, other = await self.make_broker(), await self.make_broker()
        consumer = await self.open(broker)
        post = Post(QUEUE, b"once", unique="id-1", window=LONG)
        await self.soon(broker.publish([post]))
        await self.soon(other.publish([post._replace(payload=b"twice")]))
        await self.soon(broker.publish([post, post._replace(unique="id-2")]))
        self.assertEqual([b"once", b"once"], [d.payload for d in await self.take(consumer, 2)])
        await self.assert_quiet(consumer)
        await self.elapse(LONG / 1000 + 1)
        await self.soon(broker.publish([post._replace(payload=b"anew")]))
        self.assertEqual(b"anew", (await self.take_one(consumer)).payload)

    async def test_window_of_a_queue(self) -> None:
        """The same mark in another queue is another message."""
        broker = await self.make_broker()
        for queue in (QUEUE, OTHER):
            await self.soon(broker.publish([Post(queue, b"x", unique="id", window=LONG)]))
            await self.assert_waiting(broker, 1, queue)

    async def test_no_window(self) -> None:
        """Without a window nothing is left out."""
        broker = await self.make_broker()
        post = Post(QUEUE, b"x", unique="id")
        await self.soon(broker.publish([post, post]))
        await self.assert_waiting(broker, 2, QUEUE)
