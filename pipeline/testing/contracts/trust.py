"""What settling promises when something is wrong: then nothing at all has happened."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from twisted.python.failure import Failure

from pipeline.delivery import Delivery, Post, Settled
from pipeline.errors import BrokerError
from pipeline.store import Store
from pipeline.testing.contracts.base import OTHER, QUEUE, Bench

__all__ = ["TrustContract"]

Read = Callable[[Store], Awaitable[Any]]
Change = Callable[[Store], None]

#: what is read -> (how, a change by another process, a change that leaves what was read).
READS: dict[str, tuple[Read, Change, Change]] = {
    "a value": (
        lambda s: s.get("v"),
        lambda s: s.set("v", "new"),
        lambda s: s.set("v", "old"),
    ),
    "a value that isn't there": (
        lambda s: s.get("none"),
        lambda s: s.set("none", ""),
        lambda s: s.delete("none"),
    ),
    "a counter": (
        lambda s: s.count("n"),
        lambda s: s.incr("n"),
        lambda s: s.incr("n", 0),
    ),
    "a counter that isn't there": (
        lambda s: s.count("none"),
        lambda s: s.incr("none", -1),
        lambda s: s.incr("other"),
    ),
    "a field": (
        lambda s: s.hget("h", "a"),
        lambda s: s.hset("h", {"a": "new"}),
        lambda s: s.hset("h", {"b": "new", "c": "3"}),
    ),
    "a field that isn't there": (
        lambda s: s.hget("h", "none"),
        lambda s: s.hset("h", {"none": ""}),
        lambda s: s.hincr("h", "n"),
    ),
    "a whole hash, of which a field changes": (
        lambda s: s.hgetall("h"),
        lambda s: s.hset("h", {"b": "new"}),
        lambda s: s.hset("h", {"b": "2"}),
    ),
    "a whole hash that gets a field": (
        lambda s: s.hgetall("h"),
        lambda s: s.hset("h", {"c": ""}),
        lambda s: s.hdel("h", "c"),
    ),
    "a whole hash that loses a field": (
        lambda s: s.hgetall("h"),
        lambda s: s.hdel("h", "b"),
        lambda s: s.hset("h", {"a": "1"}),
    ),
    "a whole hash that isn't there": (
        lambda s: s.hgetall("none"),
        lambda s: s.hset("none", {"a": ""}),
        lambda s: s.hclear("none"),
    ),
    "a member": (
        lambda s: s.sismember("s", "in"),
        lambda s: s.srem("s", "in"),
        lambda s: s.sadd("s", "other"),
    ),
    "a member that isn't there": (
        lambda s: s.sismember("s", "out"),
        lambda s: s.sadd("s", "out"),
        lambda s: s.srem("s", "in"),
    ),
    "a score": (
        lambda s: s.zscore("z", "in"),
        lambda s: s.zadd("z", "in", 1.6),
        lambda s: s.zadd("z", "other", 7),
    ),
    "a score that isn't there": (
        lambda s: s.zscore("z", "out"),
        lambda s: s.zadd("z", "out", 0),
        lambda s: s.zrem("z", "in"),
    ),
}


def _before(store: Store) -> None:
    store.set("v", "old")
    store.incr("n", 5)
    store.hset("h", {"a": "1", "b": "2"})
    store.sadd("s", "in")
    store.zadd("z", "in", 1.5)


#: what is wrong -> a write that can't be done on what ``_refusing`` wrote.
REFUSED: dict[str, Change] = {
    "an addition to a text": lambda s: s.hincr("h", "text"),
    "an addition to nothing": lambda s: s.hincr("h", "empty"),
    "an addition to a fraction": lambda s: s.hincr("h", "fraction"),
    "an addition to a number that isn't written as one": lambda s: s.hincr("h", "padded"),
    "an addition to a number too large": lambda s: s.hincr("h", "huge"),
    "a sum too large": lambda s: s.incr("n", 9_200_000_000_000_000_000),
    "a sum too small": lambda s: s.incr("m", -9_200_000_000_000_000_000),
    "a score that is no number": lambda s: s.zadd("z", "m", float("nan")),
    "a write that there isn't": lambda s: s.writes.append(("explode", "key", b"now")),
}


def _refusing(store: Store) -> None:
    fields = {"text": "many", "empty": "", "fraction": "1.5", "padded": "007", "huge": "9" * 30}
    store.hset("h", fields)
    store.incr("n", 9_000_000_000_000_000_000)
    store.incr("m", -9_000_000_000_000_000_000)


class TrustContract(Bench):
    """What can't take effect whole takes none, and stays in hand."""

    async def assert_untouched(self, broker: Any, consumer: Any, job: Delivery) -> None:
        """Nothing of what the job staged has happened, and it is still in hand."""
        await self.assert_waiting(broker, 0)
        self.assertIsNone(await Store(broker.reader()).get("staged"))
        self.assertEqual(1, (await self.soon(broker.depth(QUEUE))).in_hand)
        self.assertIs(job, consumer.in_hand[job.id])

    def stage(self, job: Delivery) -> None:
        """Stage a message and a write, whose effect can be seen."""
        job.stage(Post(OTHER, b"staged"))
        job.store.set("staged", "yes")

    async def test_conflict(self) -> None:
        """If anything that was read has changed, nothing happens; a second run can win."""
        broker, other = await self.make_broker(), await self.make_broker()
        consumer = await self.open(broker)
        for what, (read, change, _) in READS.items():
            await self.commit(other, _before)
            await self.fill(broker, what.encode())
            job = await self.take_one(consumer)
            await read(job.store)
            self.stage(job)
            await self.commit(other, change)
            self.assertEqual([Settled.CONFLICT], await self.settle(consumer, job), what)
            await self.assert_untouched(broker, consumer, job)
            job.restart()
            await read(job.store)
            self.assertEqual([Settled.WON], await self.settle(consumer, job), what)
            await self.flush_store(other)

    async def test_no_conflict(self) -> None:
        """If what was read is as it was, the delivery wins, whatever else has changed."""
        broker, other = await self.make_broker(), await self.make_broker()
        consumer = await self.open(broker)
        for what, (read, _, change) in READS.items():
            await self.commit(other, _before)
            await self.fill(broker, what.encode())
            job = await self.take_one(consumer)
            await read(job.store)
            self.stage(job)
            await self.commit(other, change)
            self.assertEqual([Settled.WON], await self.settle(consumer, job), what)
            await self.flush_store(other)
        await self.assert_waiting(broker, len(READS))

    async def flush_store(self, broker: Any) -> None:
        """Forget what these tests write to the store."""
        store = Store(broker.reader())
        for key in ("v", "none"):
            store.delete(key)
        for key, counted in (("n", await store.count("n")), ("none", await store.count("none"))):
            store.incr(key, -counted)
        for key in ("h", "none"):
            store.hclear(key)
        store.srem("s", "in", "out", "other")
        store.zrem("z", "in", "out", "other")
        await store.commit()

    async def test_commuting_writes(self) -> None:
        """Writes that commute never conflict, though others have written the same keys."""
        broker = await self.make_broker()
        consumer, job = await self.hand_one(broker)
        job.store.incr("n", 2)
        job.store.hincr("h", "f", 2)
        job.store.sadd("s", "a")
        async with self.unit(broker) as other:
            other.incr("n")
            other.hincr("h", "f")
            other.sadd("s", "b")
        self.assertEqual([Settled.WON], await self.settle(consumer, job))
        store = Store(broker.reader())
        self.assertEqual((3, b"3"), (await store.count("n"), await store.hget("h", "f")))
        self.assertEqual({b"a", b"b"}, await store.smembers("s"))

    async def test_conflict_within_a_batch(self) -> None:
        """Of two in a batch that read the same and write it, the first wins."""
        broker = await self.make_broker()
        consumer = await self.open(broker)
        await self.fill(broker, b"1", b"2")
        jobs = await self.take(consumer, 2)
        for job in jobs:
            await job.store.get("v")
            job.store.set("v", job.payload)
        results = await self.settle(consumer, *jobs)
        self.assertEqual([Settled.WON, Settled.CONFLICT], results)
        self.assertEqual(b"1", await Store(broker.reader()).get("v"))

    async def test_refused(self) -> None:
        """If a write can't be done, nothing happens, and the reason is told."""
        broker = await self.make_broker()
        await self.commit(broker, _refusing)
        for what, write in REFUSED.items():
            consumer, job = await self.hand_one(broker, what.encode())
            self.stage(job)
            write(job.store)
            self.assertEqual([Settled.REFUSED], await self.settle(consumer, job), what)
            self.assertTrue(job.refusal, what)
            await self.assert_untouched(broker, consumer, job)
            job.restart()
            self.assertEqual("", job.refusal)
            self.assertEqual([Settled.WON], await self.settle(consumer, job), what)

    async def test_refused_among_others(self) -> None:
        """One that is refused keeps none of its batch from being settled."""
        broker = await self.make_broker()
        await self.commit(broker, _refusing)
        consumer = await self.open(broker)
        await self.fill(broker, b"1", b"2", b"3")
        jobs = await self.take(consumer, 3)
        for job in jobs:
            job.stage(Post(OTHER, job.payload))
        jobs[1].store.hincr("h", "text")
        results = await self.settle(consumer, *jobs)
        self.assertEqual([Settled.WON, Settled.REFUSED, Settled.WON], results)
        self.assertEqual([b"1", b"3"], await self.payloads(broker, 2))

    async def test_refused_is_settled_otherwise(self) -> None:
        """What was refused can be dead-lettered, as the connector does."""
        broker = await self.make_broker()
        await self.commit(broker, _refusing)
        consumer, job = await self.hand_one(broker)
        job.store.hincr("h", "text")
        await self.settle(consumer, job)
        reason = job.refusal.encode()
        job.restart()
        job.stage(Post(f"!{QUEUE}", job.payload, (b"reason", b"refused", b"error", reason)))
        self.assertEqual([Settled.WON], await self.settle(consumer, job))
        self.assertEqual((0, 0, 0, 1), tuple(await self.soon(broker.depth(QUEUE))))

    async def test_fenced(self) -> None:
        """After the server lost all, a message from before settles nothing that came since."""
        broker = await self.make_broker()
        consumer, old = await self.hand_one(broker, b"old")
        old.stage(Post(OTHER, b"stale"))
        old.store.set("staged", "yes")
        await self.flush()
        await self.fill(broker, b"new")
        self.assertEqual([Settled.FENCED], await self.settle(consumer, old))
        await self.assert_waiting(broker, 0)
        self.assertIsNone(await Store(broker.reader()).get("staged"))
        new = await self.take_one(consumer)
        self.assertEqual(b"new", new.payload)
        self.assertEqual([Settled.WON], await self.settle(consumer, new))
        self.assertEqual({}, dict(consumer.in_hand))

    async def test_fenced_hand_back(self) -> None:
        """After the server lost all, a message from before is not handed back either."""
        broker = await self.make_broker()
        consumer, old = await self.hand_one(broker, b"old")
        await self.flush()
        await self.fill(broker, b"new")
        await self.soon(consumer.hand_back([old]))
        self.assertEqual(b"new", (await self.take_one(consumer)).payload)
        await self.assert_quiet(consumer)

    async def test_memory_limit(self) -> None:
        """At the server's memory limit publishers are held up, and consumers still settle."""
        broker = await self.make_broker()
        consumer, job = await self.hand_one(broker)
        if not await self.limit_memory():
            self.skipTest("this broker has no memory limit")
        publishing = broker.publish([Post(QUEUE, b"more")])
        outcome: list[Any] = []
        publishing.addBoth(outcome.append)
        await self.wait(self.MOMENT)
        self.assertTrue(not outcome or outcome[0].check(BrokerError), "it was stored")
        job.stage(Post(OTHER, b"reply"))
        job.store.set("staged", "yes")
        self.assertEqual([Settled.WON], await self.settle(consumer, job))
        await self.assert_waiting(broker, 1)
        self.assertFalse([o for o in outcome if not isinstance(o, Failure)])
