"""The store's reads wait for the server, its commits do not."""

from __future__ import annotations

from typing import Any

from pipeline.errors import BrokerUnavailable, ServerRefused
from pipeline.store import Store
from tests.brokers.redis.bench import RedisCase


class Reads(RedisCase):
    OWN_SERVER = True

    async def test_waits(self) -> None:
        """A read waits while the server is away."""
        assert self.server is not None
        broker = await self.make_broker()
        self.server.kill_now()
        await self.until(lambda: not broker.client.connected)
        reading = broker.reader().read("get", "k")
        await self.pause(0.05)
        self.assertFalse(reading.called)
        self.server.start_now()
        self.assertIsNone(await self.soon(reading))

    async def test_too_many(self) -> None:
        """More reads than may be on their way all get their answers; nothing spins."""
        broker = await self.make_broker()
        broker.client._protocol._max_pending = 50  # type: ignore[union-attr]
        reads: list[Any] = [broker.reader().read("count", f"k{n}") for n in range(200)]
        self.assertEqual([0] * 200, [await self.soon(read) for read in reads])

    async def test_stopped(self) -> None:
        """A read of a broker that has stopped fails."""
        broker = await self.make_broker()
        reader = broker.reader()
        await broker.stop()
        await self.assertFailure(reader.read("get", "k"), BrokerUnavailable)

    async def test_commit_does_not_wait(self) -> None:
        """A commit fails at once while the server is away: it might happen twice."""
        assert self.server is not None
        broker = await self.make_broker()
        self.server.kill_now()
        await self.until(lambda: not broker.client.connected)
        store = Store(broker.reader())
        store.set("k", "v")
        with self.assertRaises(BrokerUnavailable):
            await store.commit()

    async def test_wrong_type(self) -> None:
        """A key of another type is an error, for a read and for a commit that compares it."""
        broker = await self.make_broker()
        store = Store(broker.reader())
        self.assertIsNone(await store.get("k"))
        self.tell("SADD", f"{{{self.namespace}:0}}:s:v:k", "x")
        store.incr("n")
        with self.assertRaises(ServerRefused):
            await store.commit()
        with self.assertRaises(ServerRefused):
            await Store(broker.reader()).get("k")
        self.assertEqual(0, await Store(broker.reader()).count("n"))

    async def test_memory(self) -> None:
        """At the memory limit a commit is refused whole, though some of its writes need none."""
        broker = await self.make_broker()
        store = Store(broker.reader())
        store.zadd("z", "old", 1)
        store.set("before", "x")
        await store.commit()
        self.limit()
        with self.assertRaises(ServerRefused) as caught:
            await self.changed(broker).commit()
        self.assertEqual(("OOM", True), (caught.exception.code, caught.exception.is_passing))
        self.assertEqual([None, b"x", 1, 0], await self.kept(broker))
        self.unlimit()
        await self.changed(broker).commit()
        self.assertEqual([b"1", None, 0, 1], await self.kept(broker))

    def changed(self, broker: Any) -> Store:
        """A unit of work that adds and removes."""
        store = Store(broker.reader())
        store.set("v", "1")
        store.delete("before")
        store.ztrim("z", 5)
        store.incr("n")
        return store

    async def kept(self, broker: Any) -> list[Any]:
        store = Store(broker.reader())
        values = [await store.get("v"), await store.get("before")]
        return [*values, await store.zcard("z"), await store.count("n")]

    async def test_many_fields(self) -> None:
        """A hash with thousands of fields is read, compared and written."""
        broker = await self.make_broker()
        store = Store(broker.reader())
        store.hset("h", {f"f{n}": str(n) for n in range(9000)})
        await store.commit()
        self.assertEqual(9000, len(await store.hgetall("h")))
        store.hdel("h", *[f"f{n}" for n in range(8999)])
        await store.commit()
        self.assertEqual({b"f8999": b"8999"}, await Store(broker.reader()).hgetall("h"))
