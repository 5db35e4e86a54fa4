"""A queue on Redis as an operator meets it: large messages, lost answers, odd entries."""

from __future__ import annotations

from typing import Any

from zope.interface.verify import verifyObject

from pipeline.brokers.redis import place as module
from pipeline.delivery import Post, Settled
from pipeline.errors import BrokerUnavailable, ServerRefused
from pipeline.interfaces import IPlace
from tests.brokers.redis.bench import QUEUE, RedisCase


class RedisPlaceTests(RedisCase):
    async def place(self) -> tuple[Any, Any]:
        """A broker and the queue."""
        broker = await self.make_broker()
        return broker, broker.overseer().place(QUEUE)

    async def test_interface(self) -> None:
        """It is what the interface says."""
        verifyObject(IPlace, (await self.place())[1])

    async def test_pages_of_bytes(self) -> None:
        """Large messages come in small pages, and all of them come."""
        self.patch(module, "PAGE_BYTES", 100)
        broker, place = await self.place()
        await self.fill(broker, *(b"%d" % n + b"x" * 60 for n in range(5)))
        start, sizes, seen = "-", [], []
        while page := await place.waiting(start):
            sizes.append(len(page))
            seen += [each.delivery.payload[:1] for each in page]
            start = f"({page[-1].delivery.id.decode()}"
        self.assertEqual(([2, 2, 1], [b"0", b"1", b"2", b"3", b"4"]), (sizes, seen))

    async def test_lost_answer(self) -> None:
        """A purge whose answer was lost is asked for again, and tells that it was this that did
        it."""
        broker, place = await self.place()
        await self.fill(broker, b"1")
        run, lost = broker.client.run, []

        async def losing(script: Any, keys: Any, args: Any) -> Any:
            reply = await run(script, keys, args)
            if script.name == "drain.lua" and not lost:
                lost.append(reply)
                raise BrokerUnavailable("the answer was lost")
            return reply

        found = [each.delivery for each in await place.waiting()]
        self.patch(broker.client, "run", losing)
        self.assertEqual([Settled.WON], await place.purge(found))
        self.assertEqual(([[b"1", b"1"]], 0), (lost, self.length()))

    async def test_refused(self) -> None:
        """A write that can't be done keeps the message where it is, and says why."""
        broker, place = await self.place()
        await self.fill(broker, b"1")
        [found] = await place.waiting()
        found.delivery.store.writes.append(("incr", "n", b"no number", 0))
        self.assertEqual([Settled.REFUSED], await place.purge([found.delivery]))
        self.assertIn("not an integer", found.delivery.refusal)
        self.assertEqual(1, self.length())

    async def test_flushed(self) -> None:
        """What was found before the server lost all is of another life of the queue."""
        broker, place = await self.place()
        await self.open(broker)
        await self.fill(broker, b"1")
        [found] = await place.waiting()
        await self.flush()
        await self.open(broker)
        self.assertEqual([Settled.FENCED], await place.purge([found.delivery]))

    async def test_odd_entries(self) -> None:
        """What is no message is seen as what it is: bytes; a key of another type is an error."""
        _, place = await self.place()
        key = f"{{{self.namespace}:0}}"
        self.tell("XADD", f"{key}:q:{QUEUE}", "5-5", "what", "ever")
        self.tell("ZADD", f"{key}:d:{QUEUE}", 7, "no member")
        [waits], [later] = await place.waiting(), await place.delayed()
        self.assertEqual((b"", 5), (waits.delivery.payload, waits.since))
        self.assertEqual((b"no member", 7), (later.delivery.payload, later.due))
        results = [await place.purge([waits.delivery]), await place.purge_delayed([later.delivery])]
        self.assertEqual([[Settled.WON], [Settled.WON]], results)
        self.tell("SET", f"{key}:q:{QUEUE}", "x")
        with self.assertRaises(ServerRefused):
            await place.waiting()

    async def test_failed_in_hand(self) -> None:
        """What failed while it keeps its place shows the attempt that it waits for."""
        broker, place = await self.place()
        consumer = await self.open(broker, ordered=True)
        await self.fill(broker, b"1")
        [job] = await self.take(consumer, 1)
        await self.soon(consumer.postpone(job, 4, b"[1]", 60_000))
        [found] = await place.in_hand()
        self.assertEqual((4, b"[1]"), (found.delivery.attempt, found.delivery.history))


class Full(RedisCase):
    OWN_SERVER = True

    async def test_at_the_memory_limit(self) -> None:
        """A server that is full can be helped by a purge."""
        broker = await self.make_broker()
        place = broker.overseer().place(QUEUE)
        await self.fill(broker, b"1")
        [found] = await place.waiting()
        found.delivery.stage(Post("other.inbound", b"told"))
        self.limit()
        self.assertEqual([Settled.WON], await place.purge([found.delivery]))
        self.assertEqual(1, self.length("other.inbound"))
