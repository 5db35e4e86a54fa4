"""Pauses on Redis: through losses of the server, at its limits, and in the log."""

from __future__ import annotations

from typing import Any

from twisted.logger import eventAsText, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from pipeline.brokers.redis import streams
from pipeline.brokers.redis.pausing import pauses_in
from pipeline.operating import Pause
from tests.brokers.redis.bench import OTHER, QUEUE, RedisCase


class PausesIn(SynchronousTestCase):
    def test_sorted(self) -> None:
        """Pauses come by the names of their queues, whatever is in them."""
        flat = [b"b", b'[2, "ada", "\\u201cno\\u201d"]', b"a", b'[1, "bob", ""]']
        expected = [Pause("a", "bob", 1, ""), Pause("b", "ada", 2, "“no”")]
        self.assertEqual(expected, pauses_in(flat))

    def test_odd(self) -> None:
        """What can't be read is a pause all the same."""
        for raw in (
            b"",
            b"{}",
            b"[1]",
            b'["x", "ada", ""]',
            b"[null, 1, 2]",
            b"\xff",
            b'[1e999, "", ""]',
        ):
            self.assertEqual([Pause("a", "somebody", 0, "")], pauses_in([b"a", raw]), raw)


class Pausing(RedisCase):
    """The server is hurt in some of these."""

    OWN_SERVER = True

    async def test_server_lost(self) -> None:
        """A pause holds while the server is away, and is followed by who connects again."""
        assert self.server is not None
        broker = await self.make_broker()
        consumer = await self.open(broker)
        await self.soon(broker.overseer().pause(QUEUE, "ada"))
        await self.until(lambda: consumer.is_paused)
        self.server.kill_now()
        await self.until(lambda: not broker.available)
        self.assertTrue(consumer.is_paused)
        self.server.start_now()
        await self.until(lambda: broker.available)
        # This server keeps nothing on its disk: the pause is gone with all the rest.
        await self.until(lambda: not consumer.is_paused)

    async def test_at_the_memory_limit(self) -> None:
        """A full server lets a queue be paused and resumed."""
        broker = await self.make_broker()
        self.limit()
        self.assertTrue(await self.soon(broker.overseer().pause(QUEUE, "ada")))
        self.assertTrue(await self.soon(broker.overseer().resume(QUEUE)))


class Telling(RedisCase):
    async def test_log(self) -> None:
        """The log says once what is paused, by whom and why, and that it is resumed; of queues
        that are not read here it says nothing."""
        broker = await self.make_broker()
        consumers = [await self.open(broker) for _ in range(2)]
        told: list[str] = []

        def observe(event: Any) -> None:
            told.append(eventAsText(event, includeTimestamp=False, includeSystem=False))

        globalLogPublisher.addObserver(observe)
        self.addCleanup(globalLogPublisher.removeObserver, observe)
        for queue in (QUEUE, OTHER):
            await self.soon(broker.overseer().pause(queue, "ada", "flood"))
        await self.until(lambda: consumers[0].is_paused and consumers[1].is_paused)
        for queue in (QUEUE, OTHER):
            await self.soon(broker.overseer().resume(queue))
        await self.until(lambda: not consumers[0].is_paused)
        texts = [text for text in told if "pause" in text or "resume" in text]
        self.assertEqual([f"{QUEUE} is paused by ada: flood", f"{QUEUE} is resumed"], texts)

    async def test_not_stuck(self) -> None:
        """Who waits for the end of a pause is not taken for one that gets no answer."""
        broker = await self.make_broker()
        consumer = await self.open(broker)
        await self.soon(broker.overseer().pause(QUEUE, "ada"))
        await self.until(lambda: consumer.is_paused)
        taking = consumer.take(1)
        since = consumer.waiting_since
        await self.until(lambda: consumer.waiting_since > since)
        await self.soon(consumer.interrupt())
        self.assertEqual([], await self.soon(taking))

    async def test_resumed(self) -> None:
        """Who waits for the end of a pause goes on when that is known, not when it looks next."""
        self.patch(streams, "PAUSED_POLL", 3600)
        broker = await self.make_broker()
        consumer = await self.open(broker)
        await self.soon(broker.overseer().pause(QUEUE, "ada"))
        taking = consumer.take(1)
        await self.until(lambda: consumer.is_paused)
        await self.fill(broker, b"1")
        await self.soon(broker.overseer().resume(QUEUE))
        self.assertEqual([b"1"], [each.payload for each in await self.soon(taking)])

    async def test_stop(self) -> None:
        """A broker stops at once though its consumer waits for the end of a pause."""
        broker = await self.make_broker()
        consumer = await self.open(broker)
        await self.soon(broker.overseer().pause(QUEUE, "ada"))
        taking = consumer.take(1)
        await self.until(lambda: consumer.is_paused)
        await self.soon(broker.stop())
        self.assertEqual([], await self.soon(taking))
