"""Old dead letters are thrown away only where, and as long as, that is asked for."""

from __future__ import annotations

from pipeline.brokers.redis.janitor import Janitor
from pipeline.delivery import Post
from tests.brokers.redis.bench import QUEUE, RedisCase


class JanitorTests(RedisCase):
    """It clears the queues that are read here."""

    async def test_bounded_and_exact(self) -> None:
        """Letters go by hundreds until the first that is young enough; other queues are left."""
        broker = self.broker(dead_letter_retention=3600.0)
        await broker.start()
        consumer = broker.consumer(QUEUE)
        await consumer.open()
        for queue in (QUEUE, "idle.inbound"):
            await broker.publish([Post(f"!{queue}", b"%d" % n) for n in range(250)])
        janitor, key = Janitor(broker, 3600.0), broker.layouts[0].dead(QUEUE)
        await janitor._clear(key, 3600.0)
        self.assertEqual(250, (await broker.depth(QUEUE)).dead)
        await self.elapse(3601)
        self.assertEqual({key}, janitor._keys())
        await janitor._clear(key, 3600.0)
        self.assertEqual(0, (await broker.depth(QUEUE)).dead)
        self.assertEqual(250, (await broker.depth("idle.inbound")).dead)
        await consumer.close()

    async def test_never(self) -> None:
        """With no retention there is no loop at all."""
        janitor = Janitor(self.broker(), None)
        janitor.start()
        self.assertIsNone(janitor._loop)
        janitor.stop()
