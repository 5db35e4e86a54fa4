"""What the store promises."""

from __future__ import annotations

from typing import Any

from pipeline.delivery import Post, Settled
from pipeline.errors import Conflict, ServerRefused
from pipeline.store import Store
from pipeline.testing.contracts.base import OTHER, QUEUE, Bench

__all__ = ["StateContract"]

#: Seconds that what is to be forgotten in a test lives.
SHORT = 0.2


class StateContract(Bench):
    """Every kind of key keeps what was committed, and a unit of work sees its own writes."""

    async def test_values(self) -> None:
        """A value is any bytes; text is kept as UTF-8; it can be overwritten and deleted."""
        broker = await self.make_broker()
        async with self.unit(broker) as s:
            s.set("b", bytes(range(256)))
            s.set("t", "grün")
        store = Store(broker.reader())
        self.assertEqual(bytes(range(256)), await store.get("b"))
        self.assertEqual("grün".encode(), await store.get("t"))
        self.assertIsNone(await store.get("no"))
        async with self.unit(broker) as s:
            s.set("b", b"")
            s.delete("t")
            s.delete("no")
        store = Store(broker.reader())
        self.assertEqual((b"", None), (await store.get("b"), await store.get("t")))

    async def test_counters(self) -> None:
        """A counter starts at 0 and goes both ways."""
        broker = await self.make_broker()
        self.assertEqual(0, await Store(broker.reader()).count("n"))
        async with self.unit(broker) as s:
            s.incr("n")
            s.incr("n", 5)
            s.incr("m", -3)
        store = Store(broker.reader())
        self.assertEqual((6, -3), (await store.count("n"), await store.count("m")))

    async def test_hashes(self) -> None:
        """Fields are set, counted, removed, one by one or all at once."""
        broker = await self.make_broker()
        async with self.unit(broker) as s:
            s.hset("h", {"a": "1", "b": b"\0", "n": 4, "gone": ""})
            s.hincr("h", "n", -5)
            s.hincr("h", "new")
            s.hdel("h", "gone", "never")
        store = Store(broker.reader())
        whole = {b"a": b"1", b"b": b"\0", b"n": b"-1", b"new": b"1"}
        self.assertEqual(whole, await store.hgetall("h"))
        self.assertEqual(b"-1", await store.hget("h", "n"))
        self.assertEqual((None, {}), (await store.hget("h", "no"), await store.hgetall("no")))
        await self.commit(broker, lambda s: s.hclear("h"))
        self.assertEqual({}, await Store(broker.reader()).hgetall("h"))

    async def test_sets(self) -> None:
        """Members are added and removed."""
        broker = await self.make_broker()
        async with self.unit(broker) as s:
            s.sadd("s", "a", b"\xff", "c")
            s.srem("s", "c", "no")
        store = Store(broker.reader())
        self.assertEqual({b"a", b"\xff"}, await store.smembers("s"))
        self.assertTrue(await store.sismember("s", "a"))
        self.assertTrue(await store.sismember("s", b"\xff"))
        self.assertFalse(await store.sismember("s", "c"))
        self.assertEqual(set(), await store.smembers("no"))

    async def test_thousands(self) -> None:
        """Thousands of fields and members are written, read and removed at once."""
        broker = await self.make_broker()
        names = [str(n) for n in range(5001)]
        async with self.unit(broker) as s:
            s.hset("h", dict.fromkeys(names, "x"))
            s.sadd("s", *names)
        store = Store(broker.reader())
        self.assertEqual(5001, len(await store.hgetall("h")))
        self.assertEqual(5001, len(await store.smembers("s")))
        async with self.unit(broker) as s:
            s.hdel("h", *names[1:])
            s.srem("s", *names[1:])
            s.zrem("z", *names)
        store = Store(broker.reader())
        self.assertEqual({b"0": b"x"}, await store.hgetall("h"))
        self.assertEqual({b"0"}, await store.smembers("s"))

    async def test_sorted_sets(self) -> None:
        """Members have scores, and are listed by them from either end."""
        broker = await self.make_broker()
        scores = {"b": 2.0, "a": 1.5, "c": 10.0, "low": float("-inf"), "again": 2.0}
        async with self.unit(broker) as s:
            for member, score in scores.items():
                s.zadd("z", member, score)
        store = Store(broker.reader())
        ordered = [b"low", b"a", b"again", b"b", b"c"]
        self.assertEqual(ordered, await store.zrange("z"))
        self.assertEqual(ordered[::-1], await store.zrange("z", newest_first=True))
        self.assertEqual([b"c", b"b"], await store.zrange("z", 0, 1, newest_first=True))
        self.assertEqual([b"b", b"c"], await store.zrange("z", -2, -1))
        self.assertEqual([b"a"], await store.zrange("z", 1, 1))
        self.assertEqual([], await store.zrange("z", 3, 1) + await store.zrange("no"))
        self.assertEqual((1.5, 10.0), (await store.zscore("z", "a"), await store.zscore("z", "c")))
        self.assertEqual((5, None), (await store.zcard("z"), await store.zscore("z", "no")))
        async with self.unit(broker) as s:
            s.zadd("z", "a", 99)
            s.zrem("z", "c", "no")
        store = Store(broker.reader())
        self.assertEqual([b"low", b"again", b"b", b"a"], await store.zrange("z"))

    async def test_scores(self) -> None:
        """Members are listed with their scores, and counted by them, the bounds included."""
        broker = await self.make_broker()
        async with self.unit(broker) as s:
            for member, score in {"a": 1.5, "b": -2.0, "c": float("inf"), "d": 1e17}.items():
                s.zadd("z", member, score)
        store = Store(broker.reader())
        ordered = [(b"b", -2.0), (b"a", 1.5), (b"d", 1e17), (b"c", float("inf"))]
        self.assertEqual(ordered, await store.zscored("z"))
        self.assertEqual(ordered[::-1][1:3], await store.zscored("z", 1, 2, newest_first=True))
        self.assertEqual([], await store.zscored("no"))
        self.assertEqual((2, 3), (await store.zcount("z", -2, 1.5), await store.zcount("z", 1.5)))
        self.assertEqual((0, 0), (await store.zcount("z", 1.6, 9), await store.zcount("no", 0)))

    async def test_trim(self) -> None:
        """Members with a lower score are removed, the lowest first, at most so many at a time."""
        broker = await self.make_broker()
        async with self.unit(broker) as s:
            for n in range(10):
                s.zadd("z", str(n), n)
            s.ztrim("no", 5)
        for below, most, left in ((5, 3, range(3, 10)), (5, 3, range(5, 10)), (5, 9, range(5, 10))):
            async with self.unit(broker) as s:
                s.ztrim("z", below, most)
            members = await Store(broker.reader()).zrange("z")
            self.assertEqual([b"%d" % n for n in left], members)
        await self.commit(broker, lambda s: s.ztrim("z", float("inf")))
        self.assertEqual(0, await Store(broker.reader()).zcard("z"))

    async def test_trim_refused(self) -> None:
        """A limit that is no number is refused, and nothing of the unit of work happens."""
        broker = await self.make_broker()
        await self.commit(broker, lambda s: s.zadd("z", "m", 1))
        for below, most in ((float("nan"), 1), (2, 0), (2, -1)):
            store = Store(broker.reader())
            store.set("v", "1")
            store.ztrim("z", below, most)
            with self.assertRaises(ServerRefused):
                await store.commit()
        store = Store(broker.reader())
        self.assertEqual((None, 1), (await store.get("v"), await store.zcard("z")))

    async def test_types_apart(self) -> None:
        """The same text is another key for each type."""
        broker = await self.make_broker()
        async with self.unit(broker) as s:
            s.set("k", "v")
            s.incr("k")
            s.hset("k", {"f": "x"})
            s.sadd("k", "m")
            s.zadd("k", "m", 1)
        store = Store(broker.reader())
        self.assertEqual((b"v", 1), (await store.get("k"), await store.count("k")))
        self.assertEqual((b"x", {b"m"}), (await store.hget("k", "f"), await store.smembers("k")))
        self.assertEqual(1, await store.zcard("k"))

    async def test_time_to_live(self) -> None:
        """What was written with a time to live is forgotten after it, of every type."""
        broker = await self.make_broker()
        await self.commit(broker, _short)
        self.assertEqual(LEFT, await self.left(broker))
        await self.wait(1.5 * SHORT)
        self.assertEqual([None, 0, {}, set(), None], await self.left(broker))

    async def test_expire(self) -> None:
        """Each type can be given a time to live afterwards."""
        broker = await self.make_broker()
        await self.commit(broker, _for_good)
        async with self.unit(broker) as s:
            for kind in "vnhsz":
                s.expire(kind, "k", SHORT)
            s.expire("v", "never there", SHORT)
        self.assertEqual(LEFT, await self.left(broker))
        await self.wait(1.5 * SHORT)
        self.assertEqual([None, 0, {}, set(), None], await self.left(broker))

    async def test_time_to_live_stays(self) -> None:
        """To add to a key leaves its time to live as it was; a value set anew lives for good."""
        broker = await self.make_broker()
        await self.commit(broker, _short)
        await self.commit(broker, _for_good)
        await self.wait(1.5 * SHORT)
        self.assertEqual([b"v", 0, {}, set(), None], await self.left(broker))

    async def left(self, broker: Any) -> list[Any]:
        """What is under one key of each type."""
        s = Store(broker.reader())
        values = [await s.get("k"), await s.count("k"), await s.hgetall("k")]
        return [*values, await s.smembers("k"), await s.zscore("k", "m")]

    async def test_commit(self) -> None:
        """Outside of a delivery all writes happen together, and the store can be used again."""
        broker = await self.make_broker()
        store = Store(broker.reader())
        self.assertIsNone(await store.get("v"))
        store.set("v", "1")
        store.incr("n")
        self.assertIsNone(await Store(broker.reader()).get("v"))
        await store.commit()
        self.assertEqual((b"1", 1), (await store.get("v"), await store.count("n")))
        store.set("v", "2")
        await store.commit()
        self.assertEqual(b"2", await Store(broker.reader()).get("v"))

    async def test_commit_publishes(self) -> None:
        """A commit outside of a delivery publishes in the same step, now or later, and wakes who
        waits for a message."""
        broker = await self.make_broker()
        consumer = await self.open(broker)
        taking = consumer.take(1)
        store = Store(broker.reader())
        store.set("v", "1")
        posts = [Post(QUEUE, b"now", (b"a", b"3")), Post(OTHER, b"later", delay=600_000)]
        await store.commit(posts)
        [taken] = await self.soon(taking)
        self.assertEqual((b"now", 3), (taken.payload, taken.attempt))
        self.assertEqual(b"1", await store.get("v"))
        depth = await self.soon(broker.depth(OTHER))
        self.assertEqual((0, 1), (depth.waiting, depth.delayed))

    async def test_commit_publishes_nothing(self) -> None:
        """A commit that conflicts, or is refused, publishes nothing."""
        broker = await self.make_broker()
        await self.commit(broker, lambda s: s.hset("h", {"f": "text"}))
        store = Store(broker.reader())
        store.expect("v", b"other")
        store.set("v", "1")
        with self.assertRaises(Conflict):
            await store.commit([Post(OTHER, b"job")])
        store.hincr("h", "f")
        with self.assertRaises(ServerRefused):
            await store.commit([Post(OTHER, b"job")])
        await self.assert_waiting(broker, 0)

    async def test_commit_at_memory_limit(self) -> None:
        """Where the server has no memory left a commit with a message is refused, whole."""
        broker = await self.make_broker()
        await self.commit(broker, lambda s: s.set("v", "0"))
        if await self.limit_memory():
            store = Store(broker.reader())
            store.set("v", "1")
            with self.assertRaises(ServerRefused):
                await store.commit([Post(OTHER, b"job")])
            self.assertEqual(b"0", await Store(broker.reader()).get("v"))
            await self.assert_waiting(broker, 0)

    async def test_now(self) -> None:
        """The broker's time passes with the delays, in ms since the epoch."""
        broker = await self.make_broker()
        before = await self.soon(broker.now())
        self.assertGreater(before, 0)
        await self.elapse(60)
        self.assertTrue(60_000 <= await self.soon(broker.now()) - before < 120_000)

    async def test_commit_conflict(self) -> None:
        """Of two commits that read the same, the second conflicts and writes nothing."""
        broker = await self.make_broker()
        first, second = Store(broker.reader()), Store(broker.reader())
        for store in (first, second):
            self.assertEqual(0, await store.count("n"))
            store.incr("n")
            store.sadd("done", "x")
        await first.commit()
        with self.assertRaises(Conflict):
            await second.commit()
        self.assertEqual(1, await second.count("n"))
        second.incr("n")
        await second.commit()
        self.assertEqual(2, await Store(broker.reader()).count("n"))

    async def test_commit_refused(self) -> None:
        """A commit with a write that can't be done writes nothing."""
        broker = await self.make_broker()
        await self.commit(broker, lambda s: s.hset("h", {"f": "text"}))
        store = Store(broker.reader())
        store.set("v", "1")
        store.hincr("h", "f")
        with self.assertRaises(ServerRefused):
            await store.commit()
        self.assertIsNone(await Store(broker.reader()).get("v"))

    async def test_own_writes(self) -> None:
        """A unit of work reads what it has staged, on top of what is stored."""
        broker = await self.make_broker()
        await self.commit(broker, _for_good)
        s = Store(broker.reader())
        s.set("k", "new")
        s.incr("k", 2)
        s.hset("k", {"g": "y"})
        s.hincr("k", "n", 3)
        s.sadd("k", "second")
        s.srem("k", "m")
        s.zadd("k", "m", 2.5)
        self.assertEqual((b"new", 3), (await s.get("k"), await s.count("k")))
        self.assertEqual({b"f": b"x", b"g": b"y", b"n": b"3"}, await s.hgetall("k"))
        self.assertEqual((b"3", {b"second"}), (await s.hget("k", "n"), await s.smembers("k")))
        self.assertEqual((False, 2.5), (await s.sismember("k", "m"), await s.zscore("k", "m")))
        s.hclear("k")
        s.delete("k")
        self.assertEqual((None, {}), (await s.get("k"), await s.hgetall("k")))

    async def test_what_was_read_stays(self) -> None:
        """A unit of work reads the same twice, though others write meanwhile."""
        broker = await self.make_broker()
        consumer, job = await self.hand_one(broker)
        self.assertIsNone(await job.store.get("v"))
        await self.commit(broker, lambda s: s.set("v", "1"))
        self.assertIsNone(await job.store.get("v"))
        self.assertEqual([Settled.CONFLICT], await self.settle(consumer, job))
        job.restart()
        self.assertEqual(b"1", await job.store.get("v"))


LEFT = [b"v", 1, {b"f": b"x"}, {b"m"}, 1.0]


def _short(store: Store) -> None:
    store.set("k", "v", ttl=SHORT)
    store.incr("k", ttl=SHORT)
    store.hset("k", {"f": "x"}, ttl=SHORT)
    store.sadd("k", "m", ttl=SHORT)
    store.zadd("k", "m", 1, ttl=SHORT)


def _for_good(store: Store) -> None:
    store.set("k", "v")
    store.incr("k")
    store.hset("k", {"f": "x"})
    store.sadd("k", "m")
    store.zadd("k", "m", 1)
