"""What writing with a message promises."""

from __future__ import annotations

from typing import Any

from pipeline.delivery import Post, Settled
from pipeline.errors import ServerRefused
from pipeline.store import Store
from pipeline.testing.contracts.base import OTHER, QUEUE, Bench

__all__ = ["WrittenContract"]


def _post(key: str, value: bytes, **fields: Any) -> Post:
    return Post(QUEUE, value, writes=(("set", key, value, 0), ("incr", "sent", 1, 0)), **fields)


class WrittenContract(Bench):
    """What a post writes is there when, and only if, its message is."""

    async def _seen(self, broker: Any, *keys: str) -> list[Any]:
        store = Store(broker.reader())
        return [await store.get(key) for key in keys]

    async def _sent(self, broker: Any) -> int:
        return await Store(broker.reader()).count("sent")

    async def test_written_with_published(self) -> None:
        """Each message of a batch writes what is its own, delayed ones at once."""
        broker = await self.make_broker()
        posts = [_post("a", b"1"), Post(QUEUE, b"plain"), _post("b", b"2", delay=60_000)]
        await self.soon(broker.publish(posts))
        self.assertEqual([b"1", b"2"], await self._seen(broker, "a", "b"))
        self.assertEqual([b"1", b"plain"], await self.payloads(broker, 2, QUEUE))

    async def test_written_once(self) -> None:
        """A message that is left out as a twin writes nothing."""
        broker = await self.make_broker()
        for value in (b"1", b"2"):
            twin = _post("a", value, unique="u", window=60_000)
            await self.soon(broker.publish([twin]))
        self.assertEqual([b"1"], await self._seen(broker, "a"))
        self.assertEqual(1, await self._sent(broker))

    async def test_unwritable(self) -> None:
        """A message whose write can't be done is not published."""
        broker = await self.make_broker()
        text = Store(broker.reader())
        text.hset("h", {"f": "text"})
        await text.commit()
        post = Post(QUEUE, b"x", writes=(("hincr", "h", b"f", 1),))
        with self.assertRaises(ServerRefused):
            await self.soon(broker.publish([post]))
        self.assertEqual(0, (await self.soon(broker.depth(QUEUE))).waiting)
        await self.fill(broker, b"next")
        self.assertEqual([b"next"], await self.payloads(broker, 1, QUEUE))

    async def test_written_with_settled(self) -> None:
        """What is staged writes when its delivery is settled, and not before."""
        broker = await self.make_broker()
        consumer, taken = await self.hand_one(broker)
        taken.stage(_post("a", b"1")._replace(queue=OTHER))
        self.assertEqual([None], await self._seen(broker, "a"))
        self.assertEqual([Settled.WON], await self.soon(consumer.settle([taken])))
        self.assertEqual([b"1"], await self._seen(broker, "a"))

    async def test_written_with_committed(self) -> None:
        """A commit writes what its posts write."""
        broker = await self.make_broker()
        await Store(broker.reader()).commit([_post("a", b"1")])
        self.assertEqual([b"1"], await self._seen(broker, "a"))
        self.assertEqual(1, await self._sent(broker))
