"""Oversight on Redis: at what cost, and of what is strange."""

from __future__ import annotations

import time
from typing import Any

from zope.interface.verify import verifyObject

from pipeline.brokers.redis.beats import BEAT
from pipeline.errors import ServerRefused
from pipeline.interfaces import IOverseer
from tests.brokers.redis.bench import QUEUE, RedisCase


class RedisOverseerTests(RedisCase):
    def key(self, letter: str) -> str:
        """A key of the first partition."""
        return f"{{{self.namespace}:0}}:{letter}"

    async def test_interface(self) -> None:
        """It is what the interface says."""
        verifyObject(IOverseer, self.broker().overseer())

    async def test_a_thousand_queues(self) -> None:
        """A thousand queues cost fifty commands, whatever is in them."""
        broker = await self.make_broker()
        names = [f"q{n}.inbound" for n in range(1000)]
        await self.fill(broker, *(b"x" * 1000 for _ in range(50)), queue=names[7])
        run, sent = broker.client.run, []

        def counting(script: Any, keys: Any, args: Any) -> Any:
            sent.append(script.name)
            return run(script, keys, args)

        self.patch(broker.client, "run", counting)
        seen = await self.soon(broker.overseer().look(names))
        self.assertEqual((1000, ["look.lua"] * 50), (len(seen), sent))
        self.assertEqual([(names[7], 50)], [(s.queue, s.waiting) for s in seen if s.waiting])

    async def test_other_type(self) -> None:
        """A key that is no queue is an error that names it."""
        broker = await self.make_broker()
        self.tell("SET", self.key(f"d:{QUEUE}"), "x")
        with self.assertRaises(ServerRefused) as caught:
            await broker.overseer().look([QUEUE])
        self.assertIn(self.key(f"d:{QUEUE}"), str(caught.exception))

    async def test_introduced_again(self) -> None:
        """After a loss of all data workers are known again with their next beat."""
        broker = await self.make_broker(workers=["web"])
        self.tell("DEL", self.key("w"), self.key("b"))

        async def names() -> Any:
            return [each.workers for each in await broker.overseer().workers()]

        await self.until(lambda: names())
        self.assertEqual([("web",)], await names())

    async def test_noted_dead(self) -> None:
        """Who was found dead is noted for a while with who it was; no more than a hundred are."""
        dying, other = [await self.make_broker(workers=[name]) for name in ("web", "work")]
        await self.open(other)
        now = round(time.time() * 1000)
        for n in range(120):
            self.tell("ZADD", self.key("g"), now - 2000 + n, f"old-{n} 1 1 {{}}")
        await self.kill(dying)

        async def dead() -> Any:
            found = await other.overseer().workers()
            return [each for each in found if each.died and each.workers == ("web",)]

        [found] = await self.until(dead)
        self.assertEqual(dying.worker_id, found.id)
        self.assertTrue(found.since <= found.beat < found.died, found)
        self.assertEqual(100, self.tell("ZCARD", self.key("g")))
        self.assertFalse(self.tell("HEXISTS", self.key("b"), dying.worker_id))
        for keys, args in dying._heart.beats:  # it was only taken for dead
            await dying.client.run(BEAT, keys, args)
        workers = await other.overseer().workers()
        self.assertEqual([0], [each.died for each in workers if each.id == dying.worker_id])

    async def test_odd_card(self) -> None:
        """Who beats and says nothing that can be read is there all the same."""
        broker = await self.make_broker()
        self.tell("ZADD", self.key("w"), 7, "ghost")
        for card in ("5 no json", '5 ["a"]', '5 {"workers": null}', '5 {"pid": "x"}', "5"):
            self.tell("HSET", self.key("b"), "ghost", card)
            seen = {each.id: each for each in await broker.overseer().workers()}
            self.assertEqual(((), "", 0, 5, 7, 0), seen["ghost"][1:], card)
