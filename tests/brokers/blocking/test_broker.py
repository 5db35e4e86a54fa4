"""Tests of pipeline.brokers.blocking.broker."""

from __future__ import annotations

import time

from zope.interface.verify import verifyObject

from pipeline.delivery import Post
from pipeline.errors import ServerRefused
from pipeline.interfaces import IReader
from pipeline.store import Store
from tests.brokers.blocking.support import QUEUE, BlockingCase


class Broker(BlockingCase):
    """What it has of a broker."""

    def test_publish(self) -> None:
        """What is published, also with writes, with a delay or with a window, is there at once."""
        twins = [Post(QUEUE, b"twin", unique="u", window=60_000)] * 2
        written = Post(QUEUE, b"1", writes=(("set", "k", b"v", 0),))
        for post in (written, Post(QUEUE, b"later", delay=60_000), *twins):
            self.now(self.broker.publish([post]))
        self.now(self.broker.publish([]))
        self.assertEqual([b"1", b"twin"], self.payloads())
        delayed = self.broker.layouts[0].delayed(QUEUE)
        self.assertEqual(1, self.wire.call("ZCARD", delayed))

    def test_one_queue(self) -> None:
        """What is published together is for one queue."""
        posts = [Post(QUEUE, b"1"), Post("other", b"2")]
        self.failureResultOf(self.broker.publish(posts), ValueError)

    def test_partitions(self) -> None:
        """Each partition has queues and a store of its own."""
        self.broker = self.make(partitions=2)
        self.now(self.broker.publish([Post(QUEUE, b"1")], partition=1))
        self.assertEqual(([], [b"1"]), (self.payloads(), self.payloads(partition=1)))

    async def test_store(self) -> None:
        """The store is read and committed like everywhere, and publishes with a commit."""
        verifyObject(IReader, self.broker.reader())
        store = Store(self.broker.reader())
        store.hset("h", {"a": "1"})
        store.incr("n", 3)
        store.zadd("z", "m", 1.5)
        store.sadd("s", "m")
        await store.commit([Post(QUEUE, b"1")])
        self.assertEqual(({b"a": b"1"}, 3), (await store.hgetall("h"), await store.count("n")))
        self.assertEqual(
            ([(b"m", 1.5)], {b"m"}), (await store.zscored("z"), await store.smembers("s"))
        )
        self.assertEqual((1, True), (await store.zcount("z", 1), await store.sismember("s", "m")))
        self.assertEqual([b"1"], self.payloads())
        store.hset("h", {"b": "text"})
        await store.commit()
        refused = Store(self.broker.reader())
        refused.hincr("h", "b", 1)
        with self.assertRaises(ServerRefused):
            await refused.commit([Post(QUEUE, b"2")])
        self.assertEqual([b"1"], self.payloads())

    def test_time(self) -> None:
        """It tells the server's time."""
        self.assertLess(abs(time.time() * 1000 - self.now(self.broker.now())), 60_000)

    def test_others(self) -> None:
        """It reads no queue that belongs to workers."""
        with self.assertRaisesRegex(ValueError, "belongs to workers"):
            self.broker.consumer(QUEUE)
