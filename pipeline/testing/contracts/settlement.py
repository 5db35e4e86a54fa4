"""What settling promises: all that was staged happens, once, or none of it."""

from __future__ import annotations

import json

from pipeline.delivery import Post, Settled
from pipeline.store import Store
from pipeline.testing.contracts.base import OTHER, QUEUE, Bench

__all__ = ["SettlementContract"]

WON, LOST = Settled.WON, Settled.LOST


class SettlementContract(Bench):
    """Deliveries take effect whole, exactly once, however many settle them."""

    async def test_everything_staged(self) -> None:
        """All that was staged is there once the delivery is settled, and nothing was before."""
        broker = await self.make_broker()
        consumer, job = await self.hand_one(broker)
        job.stage(Post(OTHER, b"reply"))
        job.stage(Post(OTHER, b"again"))
        job.stage(Post("more.event", b"event"))
        job.store.set("seen", "yes")
        job.store.incr("count", 2)
        await self.assert_waiting(broker, 0)
        self.assertIsNone(await Store(broker.reader()).get("seen"))
        self.assertEqual([WON], await self.settle(consumer, job))
        self.assertEqual([b"reply", b"again"], await self.payloads(broker, 2))
        self.assertEqual([b"event"], await self.payloads(broker, 1, "more.event"))
        store = Store(broker.reader())
        self.assertEqual((b"yes", 2), (await store.get("seen"), await store.count("count")))

    async def test_settled_is_gone(self) -> None:
        """A settled message is off its queue."""
        broker = await self.make_broker()
        consumer, job = await self.hand_one(broker)
        self.assertEqual([WON], await self.settle(consumer, job))
        self.assertEqual((0, 0, 0, 0), tuple(await self.soon(broker.depth(QUEUE))))
        await self.assert_quiet(consumer)

    async def test_nothing_to_settle(self) -> None:
        """To settle no deliveries is no error."""
        consumer = await self.open(await self.make_broker())
        self.assertEqual([], await self.settle(consumer))
        await self.soon(consumer.hand_back([]))

    async def test_staged_headers(self) -> None:
        """What was staged carries its headers."""
        broker = await self.make_broker()
        consumer, job = await self.hand_one(broker)
        history = json.dumps([{"error": "boom"}]).encode()
        job.stage(Post(OTHER, b"x", (b"a", b"2", b"h", history, b"t", b"1700000000123")))
        await self.settle(consumer, job)
        taken = await self.take_one(await self.open(broker, OTHER))
        self.assertEqual(
            (2, history, 1700000000123), (taken.attempt, taken.history, taken.enqueued_at)
        )

    async def test_own_queue(self) -> None:
        """A message may stage another for its own queue."""
        broker = await self.make_broker()
        consumer, job = await self.hand_one(broker, b"1")
        job.stage(Post(QUEUE, b"2"))
        await self.settle(consumer, job)
        following = await self.take_one(consumer)
        self.assertEqual(b"2", following.payload)
        self.assertEqual([WON], await self.settle(consumer, following))

    async def test_wakes_at_once(self) -> None:
        """Who waits for a message gets one that was staged as soon as it is settled."""
        broker = await self.make_broker()
        waiting = (await self.open(await self.make_broker(), OTHER)).take(1)
        consumer, job = await self.hand_one(broker)
        job.stage(Post(OTHER, b"x"))
        await self.settle(consumer, job)
        self.assertEqual([b"x"], [d.payload for d in await self.soon(waiting)])

    async def test_second_settler(self) -> None:
        """Of two that settle the same delivery one wins; the other's effects vanish."""
        broker = await self.make_broker()
        consumer, job = await self.hand_one(broker)
        job.stage(Post(OTHER, b"x"))
        job.store.incr("n")
        self.assertEqual([WON], await self.settle(consumer, job))
        self.assertEqual([LOST], await self.settle(consumer, job))
        await self.assert_waiting(broker, 1)
        self.assertEqual(1, await Store(broker.reader()).count("n"))

    async def test_twice_in_a_batch(self) -> None:
        """A delivery that stands twice in a batch takes effect once."""
        broker = await self.make_broker()
        consumer, job = await self.hand_one(broker)
        job.stage(Post(OTHER, b"x"))
        self.assertEqual([WON, LOST], await self.settle(consumer, job, job))
        await self.assert_waiting(broker, 1)

    async def test_lost_among_others(self) -> None:
        """One that was lost doesn't keep the others of its batch from being settled."""
        broker = await self.make_broker()
        consumer = await self.open(broker)
        await self.fill(broker, b"1", b"2", b"3")
        first, second, third = await self.take(consumer, 3)
        await self.settle(consumer, second)
        results = await self.settle(consumer, first, second, third)
        self.assertEqual([WON, LOST, WON], results)

    async def test_large_batch(self) -> None:
        """Any number of deliveries can be settled at once."""
        broker = await self.make_broker()
        consumer = await self.open(broker)
        await self.fill(broker, *[b"%d" % n for n in range(1200)])
        jobs = await self.take(consumer, 1200)
        for job in jobs:
            job.stage(Post(OTHER, job.payload))
            job.store.incr("n")
        self.assertEqual([WON] * 1200, await self.settle(consumer, *jobs))
        await self.assert_waiting(broker, 1200)
        self.assertEqual(1200, await Store(broker.reader()).count("n"))

    async def test_heavy_batch(self) -> None:
        """Deliveries that stage a megabyte each can be settled at once."""
        broker = await self.make_broker()
        consumer = await self.open(broker)
        await self.fill(broker, b"1", b"2", b"3")
        jobs = await self.take(consumer, 3)
        for job in jobs:
            job.stage(Post(OTHER, job.payload * 1_000_000))
        self.assertEqual([WON] * 3, await self.settle(consumer, *jobs))
        self.assertEqual([1_000_000] * 3, [len(p) for p in await self.payloads(broker, 3)])

    async def test_many_effects(self) -> None:
        """One delivery may publish hundreds of messages and touch as many keys."""
        broker = await self.make_broker()
        consumer, job = await self.hand_one(broker)
        for n in range(600):
            job.stage(Post(f"q{n % 40}.inbound", b"%d" % n))
            job.store.set(f"key-{n}", str(n))
        self.assertEqual([WON], await self.settle(consumer, job))
        await self.assert_waiting(broker, 15, "q39.inbound")
        self.assertEqual(b"599", await Store(broker.reader()).get("key-599"))

    async def test_dead_letters(self) -> None:
        """A dead letter lies in its queue's dead letters with every field, and is not delivered."""
        broker = await self.make_broker()
        consumer, job = await self.hand_one(broker, b"\xff\0")
        fields = {"reason": b"exhausted", "error": b"boom", "traceback": b"line 1\nline 2"}
        flat = tuple(part for name, value in fields.items() for part in (name.encode(), value))
        job.stage(Post(f"!{QUEUE}", job.payload, flat))
        self.assertEqual([WON], await self.settle(consumer, job))
        [entry] = await self.soon(broker.dead(QUEUE))
        self.assertEqual((QUEUE, {**fields, "payload": b"\xff\0"}), (entry.queue, entry.fields))
        self.assertEqual((0, 0, 0, 1), tuple(await self.soon(broker.depth(QUEUE))))
        await self.assert_quiet(consumer)

    async def test_dead_letters_in_pages(self) -> None:
        """Dead letters are listed oldest first, so many at a time, from any of them on."""
        broker = await self.make_broker()
        consumer, job = await self.hand_one(broker)
        for n in range(5):
            job.stage(Post(f"!{QUEUE}", b"%d" % n, (b"reason", b"permanent")))
        await self.settle(consumer, job)
        first, second = await self.soon(broker.dead(QUEUE, count=2))
        self.assertEqual([b"0", b"1"], [entry.fields["payload"] for entry in (first, second)])
        again = await self.soon(broker.dead(QUEUE, start=second.id, count=2))
        self.assertEqual([b"1", b"2"], [entry.fields["payload"] for entry in again])
        rest = await self.soon(broker.dead(QUEUE, start=f"({second.id}"))
        self.assertEqual([b"2", b"3", b"4"], [entry.fields["payload"] for entry in rest])
        self.assertEqual([], await self.soon(broker.dead("no.inbound")))

    async def test_store_and_message_agree(self) -> None:
        """State that many messages change through many settlers is exact."""
        brokers = [await self.make_broker(), await self.make_broker()]
        consumers = [await self.open(broker) for broker in brokers]
        await self.fill(brokers[0], *[b"%d" % n for n in range(20)])
        for n in range(20):
            consumer = consumers[n % 2]
            job = await self.take_one(consumer)
            seen = int(await job.store.get("sum") or 0)
            job.store.set("sum", str(seen + int(job.payload)))
            self.assertEqual([WON], await self.settle(consumer, job))
        self.assertEqual(b"190", await Store(brokers[0].reader()).get("sum"))
