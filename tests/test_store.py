"""The store of a unit of work: what it sees of itself, and what it compares."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase, TestCase

from pipeline.brokers.memory import MemoryBroker
from pipeline.brokers.memory.keyspace import _READERS, Keyspace
from pipeline.errors import Conflict, ServerRefused
from pipeline.store import CHECKED, READS, WRITES, Store
from tests.properties import given, settings

NAMES = ("a", "b")
KEYS = st.sampled_from(("k", "other"))
NAME = st.sampled_from(NAMES)
SMALL = st.integers(-5, 5)
NUMBER = st.one_of(SMALL.map(str), SMALL)
TTL = st.one_of(st.none(), st.just(60.0))


def call(name: str, *args: st.SearchStrategy[Any], **options: st.SearchStrategy[Any]) -> Any:
    """Calls of one of the store's writing methods."""
    return st.tuples(st.just(name), st.tuples(*args), st.fixed_dictionaries(options))


CALLS = st.lists(
    st.one_of(
        call("set", KEYS, st.one_of(st.binary(max_size=3), NUMBER), ttl=TTL),
        call("delete", KEYS),
        call("incr", KEYS, SMALL, ttl=TTL),
        call("hset", KEYS, st.dictionaries(NAME, NUMBER), ttl=TTL),
        call("hdel", KEYS, NAME),
        call("hincr", KEYS, NAME, SMALL),
        call("hclear", KEYS),
        call("sadd", KEYS, NAME, ttl=TTL),
        call("srem", KEYS, NAME, NAME),
        call("zadd", KEYS, NAME, st.floats(allow_nan=False), ttl=TTL),
        call("zrem", KEYS, NAME),
        call("ztrim", st.just("trimmed"), st.floats(-5, 5)),
        call("expire", st.sampled_from("vnhsz"), KEYS, st.just(60.0)),
    ),
    max_size=12,
)


def do(store: Store, calls: list[Any]) -> None:
    """Make calls on a store."""
    for name, args, options in calls:
        getattr(store, name)(*args, **options)


async def seen(store: Store) -> list[Any]:
    """All that a store shows of two keys."""
    values: list[Any] = []
    for key in ("k", "other"):
        values += [await store.get(key), await store.count(key)]
        values += [await store.hgetall(key), await store.smembers(key)]
        for name in NAMES:
            values += [await store.hget(key, name), await store.sismember(key, name)]
            values.append(await store.zscore(key, name))
    return values


class Overlay(SynchronousTestCase):
    """A unit of work sees its own writes as if they were committed."""

    @settings(max_examples=300)
    @given(before=CALLS, calls=CALLS, looked_first=st.booleans())
    def test_seen_is_committed(self, before: Any, calls: Any, looked_first: bool) -> None:
        """What is seen through the store that wrote equals what is read back, for any writes."""
        reader = MemoryBroker(Clock()).reader()

        async def run() -> None:
            first, store = Store(reader), Store(reader)
            do(first, before)
            await first.commit()
            if looked_first:
                await seen(store)
            do(store, calls)
            expected = await seen(store)
            await store.commit()
            self.assertEqual(expected, await seen(Store(reader)))

        self.successResultOf(Deferred.fromCoroutine(run()))


class Reads(TestCase):
    """What was read is remembered, and compared when it decides."""

    def setUp(self) -> None:
        self.reader = MemoryBroker(Clock()).reader()
        self.store = Store(self.reader)

    async def test_compared(self) -> None:
        """What can be compared is; a whole set and the listings of a sorted set are not."""
        for name, args in (("get", ()), ("count", ()), ("hget", ("f",)), ("hgetall", ())):
            await getattr(self.store, name)("k", *args)
        for name in ("sismember", "zscore"):
            await getattr(self.store, name)("k", "m")
        await self.store.smembers("k")
        await self.store.zrange("k")
        await self.store.zcard("k")
        self.assertEqual(CHECKED, {op for op, *_ in self.store.checks})
        self.assertEqual(len(CHECKED), len(self.store.checks))

    async def test_own_writes_are_not_compared(self) -> None:
        """What is read of one's own writes depends on nobody."""
        self.store.set("v", "1")
        self.store.hclear("h")
        self.store.sadd("s", "m")
        self.store.zadd("z", "m", 1)
        await self.store.get("v")
        await self.store.hgetall("h")
        await self.store.hget("h", "f")
        await self.store.sismember("s", "m")
        await self.store.zscore("z", "m")
        self.assertEqual([], self.store.checks)

    async def test_commuting_and_read(self) -> None:
        """An addition compares nothing; one that was looked at is compared."""
        self.store.incr("n")
        self.store.hincr("h", "f")
        self.assertEqual([], self.store.checks)
        self.assertEqual((1, b"1"), (await self.store.count("n"), await self.store.hget("h", "f")))
        self.assertEqual(2, len(self.store.checks))

    async def test_asked_once(self) -> None:
        """The same is asked for once, and two that ask at once agree."""
        answers: list[Deferred[Any]] = []

        class Slow:
            def read(self, op: str, key: str, *args: Any) -> Deferred[Any]:
                answers.append(Deferred())
                return answers[-1]

        store = Store(Slow())
        first = Deferred.fromCoroutine(store.get("k"))
        second = Deferred.fromCoroutine(store.get("k"))
        answers[0].callback(b"1")
        answers[1].callback(b"2")
        self.assertEqual((b"1", b"1", b"1"), (await first, await second, await store.get("k")))
        self.assertEqual([("get", "k", (), b"1")], store.checks)

    async def test_peek(self) -> None:
        """A look that decides nothing sees what is staged, and is not compared."""
        store = Store(self.reader)
        self.assertIsNone(await store.peek("k"))
        self.assertEqual([], store.checks)
        store.set("k", "1")
        self.assertEqual(b"1", await store.peek("k"))

    async def test_expect(self) -> None:
        """What is expected is compared without having been read; a read before goes first."""
        store = Store(self.reader)
        store.expect("k", b"1")
        with self.assertRaises(Conflict):
            await store.commit()
        await store.get("k")
        store.expect("k", b"1")
        await store.commit()

    async def test_forget(self) -> None:
        """A forgotten unit of work has read and staged nothing."""
        await self.store.get("k")
        self.store.set("k", "v")
        self.store.forget()
        self.assertEqual(([], []), (self.store.checks, self.store.writes))
        self.assertIsNone(await self.store.get("k"))

    async def test_conflict_forgets(self) -> None:
        """After a conflict the store is ready for a second run on fresh reads."""
        await self.store.get("k")
        self.store.set("k", "mine")
        other = Store(self.reader)
        other.set("k", "theirs")
        await other.commit()
        with self.assertRaises(Conflict):
            await self.store.commit()
        self.assertEqual(b"theirs", await self.store.get("k"))

    async def test_nothing_to_write(self) -> None:
        """Calls that name nothing stage nothing."""
        self.store.hset("h", {})
        self.store.hdel("h")
        self.store.sadd("s")
        self.store.srem("s")
        self.store.zrem("z")
        self.assertEqual([], self.store.writes)

    async def test_staged_number_is_no_number(self) -> None:
        """To add to a text of one's own is an error where it is done, not at the commit."""
        self.store.hset("h", {"f": "text"})
        self.assertRaises(ValueError, self.store.hincr, "h", "f")

    async def test_stored_number_is_no_number(self) -> None:
        """To add to a stored text is refused at the commit."""
        self.store.hset("h", {"f": "text"})
        await self.store.commit()
        self.store.hincr("h", "f")
        with self.assertRaises(ServerRefused):
            await self.store.commit()


class Tables(SynchronousTestCase):
    """The tables of reads and writes are what the parts agree on."""

    def test_methods(self) -> None:
        """Each read and each write is a method of the store of the same name."""
        missing = [name for name in (*READS, *WRITES) if not callable(getattr(Store, name, None))]
        self.assertEqual([], missing)

    def test_memory_has_all(self) -> None:
        """The memory broker answers each read and does each write."""
        self.assertEqual(set(READS), set(_READERS))
        done = {name[len("_do_") :] for name in dir(Keyspace) if name.startswith("_do_")}
        self.assertEqual(set(WRITES), done)

    def test_checked(self) -> None:
        """What is compared can be read."""
        self.assertEqual(set(), CHECKED - set(READS))

    def test_times(self) -> None:
        """A time to live is at least a millisecond; none is 0."""
        store = Store(None)
        store.set("k", "v", ttl=0.00001)
        store.set("k", "v", ttl=1.5)
        store.set("k", "v")
        self.assertEqual([1, 1500, 0], [write[-1] for write in store.writes])
