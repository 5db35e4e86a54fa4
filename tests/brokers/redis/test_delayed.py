"""Delayed messages come in time, and none is lost on the way."""

from __future__ import annotations

import time
from typing import Any

from twisted.logger import globalLogPublisher

from pipeline.brokers.redis import delayed
from pipeline.delivery import Post, Settled
from tests.brokers.redis.bench import QUEUE, RedisCase


class DelayCase(RedisCase):
    def key(self, kind: str, queue: str = QUEUE) -> str:
        return f"{{{self.namespace}:0}}:{kind}:{queue}"

    def logged(self) -> list[str]:
        """The texts of what is logged from now on."""
        texts: list[str] = []

        def observe(event: Any) -> None:
            texts.append(str(event.get("log_format")))

        globalLogPublisher.addObserver(observe)
        self.addCleanup(globalLogPublisher.removeObserver, observe)
        return texts


class InTime(DelayCase):
    async def test_not_early_not_late(self) -> None:
        """A message comes when it is due, never before, and at most 250 ms after."""
        broker = await self.make_broker()
        consumer = await self.open(broker)
        for delay in (1, 120, 350, 600):
            since = time.monotonic()
            await broker.publish([Post(QUEUE, b"x", delay=delay)])
            accepted = time.monotonic()
            [job] = await self.take(consumer, 1)
            took = time.monotonic()
            self.assertGreaterEqual((took - since) * 1000, delay - 1)
            self.assertLessEqual((took - accepted) * 1000, delay + 250 + 100)
            self.assertEqual([Settled.WON], await consumer.settle([job]))

    async def test_first_time_is_known(self) -> None:
        """A delayed message remembers when it was published, not when it was moved."""
        broker = await self.make_broker()
        consumer = await self.open(broker)
        before = time.time() * 1000
        await broker.publish([Post(QUEUE, b"x", delay=300)])
        after = time.time() * 1000
        [job] = await self.take(consumer, 1)
        self.assertTrue(before - 1 <= job.enqueued_at <= after)

    async def test_next_of_all(self) -> None:
        """A look says when the next of all queues is due, but a sleep is never long."""
        broker = await self.make_broker()
        mover, layout = broker._mover, broker.layouts[0]
        for queue, delay in (("far", 3_600_000), ("near", 1_800_000)):
            await broker.publish([Post(queue, b"x", delay=delay)])
        self.assertEqual(delayed.LONGEST_SLEEP, await mover._look(layout, ["far", "near"]))
        self.patch(delayed, "LONGEST_SLEEP", 86_400)
        self.assertEqual(86_400, await mover._look(layout, ["none"]))
        for queues, due in ((["far", "none"], 3600), (["far", "near", "none"], 1800)):
            self.assertApproximates(due, await mover._look(layout, queues), 60)
        await self.elapse(1800)
        self.assertApproximates(1800, await mover._look(layout, ["near", "far"]), 60)
        self.assertEqual((0, 1), (self.length("far"), self.length("near")))

    async def test_many(self) -> None:
        """Ten thousand that wait cost a look next to nothing, and are moved when due."""
        broker = await self.make_broker()
        posts = [Post(QUEUE, b"x" * 400, delay=3_600_000) for _ in range(10_000)]
        for start in range(0, 10_000, 500):
            await broker.publish(posts[start : start + 500])
        mover, layout = broker._mover, broker.layouts[0]
        since = time.perf_counter()
        for _ in range(100):
            await mover._look(layout, [QUEUE])
        self.assertLess((time.perf_counter() - since) / 100, 0.02)
        await self.open(broker)
        await self.elapse(3700)
        await self.until(lambda: self.length() == 10_000, 20)


class Trouble(DelayCase):
    async def test_malformed(self) -> None:
        """Members that can't be read are dead letters as they are; the others are moved."""
        broker = await self.make_broker()
        bad = [b"short", b"u" * 32, b"u" * 32 + b"\0\0\0\xffabc", b"u" * 32 + b"\0\0\0\x01m"]
        bad.append(b"u" * 32 + b"\0\0\0\0" * 5000)
        for member in bad:
            self.tell("ZADD", self.key("d"), 1, member)
        await broker.publish([Post(QUEUE, b"good", delay=1)])
        [job] = await self.take(await self.open(broker), 1)
        self.assertEqual(b"good", job.payload)
        await self.until(lambda: self.tell("XLEN", self.key("x")) == len(bad))
        letters = await broker.dead(QUEUE)
        self.assertEqual(set(bad), {entry.fields["payload"] for entry in letters})
        self.assertEqual({b"undecodable"}, {entry.fields["reason"] for entry in letters})

    async def test_wrong_type(self) -> None:
        """A queue of another type keeps its delayed messages, and holds up no other queue."""
        broker = await self.make_broker()
        await self.open(broker, "broken")
        consumer = await self.open(broker)
        await broker.publish([Post("broken", b"kept", delay=200)])
        self.tell("DEL", self.key("q", "broken"))
        self.tell("SET", self.key("q", "broken"), "x")
        await broker.publish([Post(QUEUE, b"moved", delay=300)])
        self.assertEqual(b"moved", (await self.take(consumer, 1))[0].payload)
        self.assertEqual(1, self.tell("ZCARD", self.key("d", "broken")))
        self.tell("DEL", self.key("q", "broken"))

    async def test_full_stream(self) -> None:
        """A message that its stream can't take any more is a dead letter, not lost."""
        broker = await self.make_broker()
        last = "18446744073709551615-18446744073709551615"
        self.tell("XADD", self.key("q"), last, "m", "last")
        await self.open(broker)
        await broker.publish([Post(QUEUE, b"x", delay=1)])
        [letter] = await self.dead(broker)
        self.assertIn(b"x", letter.fields["payload"])


class AtTheLimit(DelayCase):
    OWN_SERVER = True

    async def test_memory(self) -> None:
        """At the server's memory limit what is due is moved all the same."""
        broker = await self.make_broker()
        consumer = await self.open(broker)
        await broker.publish([Post(QUEUE, b"x", delay=200)])
        self.limit()
        [job] = await self.take(consumer, 1)
        self.assertEqual([Settled.WON], await self.soon(consumer.settle([job])))

    async def test_log(self) -> None:
        """A server that refuses is told of once, not at every look."""
        broker = await self.make_broker()
        consumer = await self.open(broker)
        texts = self.logged()
        await broker.publish([Post(QUEUE, b"x", delay=100)])
        self.tell("CONFIG", "SET", "min-replicas-to-write", 1)
        mover = broker._mover
        await self.until(lambda: mover._trouble)
        for _ in range(10):
            await mover._look(broker.layouts[0], [consumer.queue])
        self.tell("CONFIG", "SET", "min-replicas-to-write", 0)
        await self.until(lambda: not mover._trouble)
        self.assertEqual(1, sum("can't be moved" in text for text in texts))
