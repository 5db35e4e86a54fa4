"""Units of work as the scripts read them."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipeline.brokers.redis.layout import Layout
from pipeline.brokers.redis.units import Units, fields, member
from pipeline.delivery import Delivery, Post
from pipeline.errors import PipelineError, ServerRefused
from pipeline.store import Store
from tests.brokers.redis.bench import RedisCase


class Arguments(SynchronousTestCase):
    def unit(self, delivery: Delivery) -> Units:
        units = Units(Layout("ns", 0), [b"stream", b"token"])
        units.add_delivery(delivery)
        return units

    def delivery(self, *posts: Post) -> Delivery:
        delivery = Delivery("q", b"1-1", b"x")
        for post in posts:
            delivery.stage(post)
        return delivery

    def test_bare(self) -> None:
        """A delivery with nothing staged is its id and two zeros."""
        self.assertEqual([b"1-1", 0, 0], self.unit(self.delivery()).args)

    def test_posts(self) -> None:
        """Each key stands once, however often it is written to."""
        units = self.unit(self.delivery(Post("a", b"1"), Post("b", b"2"), Post("a", b"3")))
        self.assertEqual([b"{ns:0}:q:a", b"{ns:0}:q:b"], units.keys[2:])
        self.assertEqual(["P", 3, 2, b"m", b"1"], units.args[3:8])

    def test_instance(self) -> None:
        """A message for an instance has its dead letters at hand."""
        units = self.unit(self.delivery(Post("web@1", b"1")))
        self.assertEqual([b"{ns:0}:q:web@1", b"{ns:0}:x:web"], units.keys[2:])
        self.assertEqual(["G", 3, 4, 4, "web@1", b"m", b"1"], units.args[3:])

    def test_dead_letter(self) -> None:
        """A dead letter has its payload under another name."""
        post = Post("!q", b"x", (b"reason", b"torn"))
        self.assertEqual((b"payload", b"x", b"reason", b"torn"), fields(post))

    def test_members(self) -> None:
        """A delayed message is unique, or the same as its twin where it says so."""
        post = Post("q", b"x", (b"t", b"17"), delay=5)
        self.assertNotEqual(member(post), member(post))
        twin = post._replace(unique="u")
        self.assertEqual(member(twin), member(twin))
        self.assertEqual(b"\0\0\0\x01m\0\0\0\x01x\0\0\0\x01t\0\0\0\x0217", member(twin)[32:])


class OnTheServer(RedisCase):
    """What commit.lua and settle.lua make of hand-written units."""

    async def store(self) -> Store:
        return Store((await self.make_broker()).reader())

    async def assert_refused(self, why: str, *writes: Any, first: Any = ()) -> None:
        store = await self.store()
        store.writes += first
        await store.commit()
        store.set("staged", "x")
        store.writes += writes
        with self.assertRaises(ServerRefused) as caught:
            await store.commit()
        self.assertIn(why, str(caught.exception))
        self.assertIsNone(await (await self.store()).get("staged"))

    async def test_numbers(self) -> None:
        """Only what the server takes for an integer is one: what it would refuse, it is refused."""
        for text in (b"007", b"-0", b"+1", b" 1", b"1.0", b"", b"0x10"):
            first = [("hset", "h", 0, b"f", text)]
            await self.assert_refused("no integer", ("hincr", "h", b"f", 1), first=first)
            await self.assert_refused("not an integer", ("hincr", "h", b"g", text))

    async def test_shapes(self) -> None:
        """A write with too little or too much is refused."""
        await self.assert_refused("unknown write", ("explode", "k"))
        await self.assert_refused("names and values", ("hset", "h", 0, b"f"))
        await self.assert_refused("too many", ("sadd", "s", 0, *[b"x"] * 4001))
        await self.assert_refused("not a time to live", ("set", "k", b"v", -1))
        await self.assert_refused("not a time to live", ("expire", "k", "v", 10**16))

    async def test_torn_commit(self) -> None:
        """A commit that fails half-way says so."""
        store = await self.store()
        store.writes += [("hset", "h", 0, b"f", b"text"), ("hincr", "h", b"f", 1)]
        with self.assertRaises(PipelineError) as caught:
            await store.commit()
        self.assertIn("half-way", str(caught.exception))
