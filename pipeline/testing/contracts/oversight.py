"""What an operator sees of a namespace, and may do there."""

from __future__ import annotations

from typing import Any

from pipeline.delivery import Limit, Post, Settled
from pipeline.operating import Found, QueueSeen
from pipeline.testing.contracts.base import OTHER, QUEUE, Bench

__all__ = ["OversightContract"]

LONG = 600_000
INSTANCE = "web.outbound@a1"


class OversightContract(Bench):
    """Queues and workers can be looked at without taking, paused, and emptied."""

    async def look(self, broker: Any, queue: str = QUEUE) -> QueueSeen:
        """A queue of one partition, as it is."""
        seen: QueueSeen
        [seen] = await self.soon(broker.overseer().look([queue]))
        self.assertEqual((queue, 0), (seen.queue, seen.partition))
        return seen

    def contents(self, found: list[Found]) -> list[bytes]:
        """The payloads of what was found."""
        return [each.delivery.payload for each in found]

    # Looking -----------------------------------------------------------------------------------

    async def test_look(self) -> None:
        """A queue tells what waits, is in hand, delayed and dead, since when, and who reads it."""
        broker = await self.make_broker()
        consumer, job = await self.hand_one(broker)
        await self.fill(broker, b"1", b"2")
        await self.soon(broker.publish([Post(QUEUE, b"later", delay=LONG)]))
        await self.soon(broker.publish([Post(f"!{QUEUE}", b"dead", (b"reason", b"x"))]))
        seen, now = await self.look(broker), await self.soon(broker.now())
        self.assertEqual((2, 1, 1, 1), (seen.waiting, seen.in_hand, seen.delayed, seen.dead))
        self.assertEqual({broker.worker_id: 1}, seen.readers)
        assert seen.oldest is not None
        self.assertTrue(0 <= now - seen.oldest < 30_000, seen)
        assert seen.due is not None
        self.assertTrue(0 < seen.due - now <= LONG, seen)
        await self.settle(consumer, job)
        self.assertEqual(0, (await self.look(broker)).in_hand)

    async def test_look_at_nothing(self) -> None:
        """A queue that nobody ever read or wrote to is empty, and no reason to make one."""
        broker = await self.make_broker()
        seen = await self.look(broker, "no.inbound")
        self.assertEqual((0, 0, 0, 0, None, None), seen[2:8])
        self.assertEqual({}, seen.readers)
        self.assertEqual([], await self.soon(broker.overseer().look([])))

    async def test_look_counts(self) -> None:
        """What was ever put in is counted, so that two looks tell a rate."""
        broker = await self.make_broker()
        consumer, job = await self.hand_one(broker)
        before = (await self.look(broker)).added
        await self.settle(consumer, job)
        await self.fill(broker, b"1", b"2", b"3")
        after = (await self.look(broker)).added
        if before is not None and after is not None:
            self.assertEqual(3, after - before)

    async def test_look_at_partitions(self) -> None:
        """Each partition of each queue is told apart, in their order."""
        broker = await self.make_broker(partitions=2)
        await self.soon(broker.publish([Post(QUEUE, b"1")], 1))
        await self.soon(broker.publish([Post(OTHER, b"2")], 0))
        seen = await self.soon(broker.overseer().look([OTHER, QUEUE]))
        told = [(each.queue, each.partition, each.waiting) for each in seen]
        self.assertEqual([(OTHER, 0, 1), (OTHER, 1, 0), (QUEUE, 0, 0), (QUEUE, 1, 1)], told)

    async def test_known_queues(self) -> None:
        """The queues that were ever read are known, but for those of instances."""
        broker = await self.make_broker(partitions=2)
        self.assertEqual([], await self.soon(broker.overseer().queues()))
        await self.open(broker, QUEUE, partition=1)
        await self.open(broker, OTHER)
        await self.open(broker, INSTANCE, instance=True)
        self.assertEqual(sorted([QUEUE, OTHER]), await self.soon(broker.overseer().queues()))

    async def test_workers(self) -> None:
        """Who beats is known by what it runs, where, since when; who has stopped is gone."""
        broker = await self.make_broker(workers=["web", "work"])
        visitor = await self.make_broker()
        now = await self.soon(broker.now())
        seen = {each.id: each for each in await self.soon(visitor.overseer().workers())}
        self.assertEqual({broker.worker_id, visitor.worker_id}, set(seen))
        worker = seen[broker.worker_id]
        self.assertEqual((("web", "work"), 0), (worker.workers, worker.died))
        self.assertTrue(worker.host and worker.pid)
        self.assertTrue(now - 30_000 < worker.since <= worker.beat <= now + 30_000, worker)
        self.assertEqual((), seen[visitor.worker_id].workers)

    async def test_silent_worker(self) -> None:
        """The beat of a worker that hangs stays behind, and in the end nobody counts on it."""
        broker = await self.make_broker(workers=["web"])
        watching = await self.make_broker()
        await self.silence(broker)
        await self.wait(self.DEAD_AFTER / 2)
        seen = {each.id: each for each in await self.soon(watching.overseer().workers())}
        self.assertLess(seen[broker.worker_id].beat, seen[watching.worker_id].beat)

        async def is_over() -> bool:
            await self.wait(self.DEAD_AFTER / 4)
            found = await self.soon(watching.overseer().workers())
            return all(each.died for each in found if each.id == broker.worker_id)

        await self.eventually(is_over)

    # Messages ----------------------------------------------------------------------------------

    async def test_peek(self) -> None:
        """What waits is seen oldest first, in pages, and still there to be taken."""
        broker = await self.make_broker()
        _, job = await self.hand_one(broker)
        await self.fill(broker, b"1", b"2", b"3")
        place = broker.overseer().place(QUEUE)
        first = await self.soon(place.waiting(count=2))
        self.assertEqual([b"1", b"2"], self.contents(first))
        self.assertTrue(all(each.since and not each.worker for each in first))
        last = first[-1].delivery.id.decode()
        self.assertEqual([b"3"], self.contents(await self.soon(place.waiting(f"({last}"))))
        self.assertEqual([b"2", b"3"], self.contents(await self.soon(place.waiting(last))))
        held = job.id.decode()
        self.assertEqual(3, len(await self.soon(place.waiting(held))))
        await self.assert_waiting(broker, 3, QUEUE)

    async def test_peek_unread(self) -> None:
        """What waits in a queue that nobody ever read is seen, too; nothing in one that isn't."""
        broker = await self.make_broker()
        await self.fill(broker, b"1", queue=OTHER)
        place = broker.overseer().place(OTHER)
        self.assertEqual([b"1"], self.contents(await self.soon(place.waiting())))
        self.assertEqual([], await self.soon(place.in_hand()))
        empty = broker.overseer().place("no.inbound")
        self.assertEqual([], await self.soon(empty.waiting()))
        self.assertEqual([], await self.soon(empty.delayed()))
        self.assertEqual("-", await self.soon(empty.newest()))

    async def test_peek_in_hand(self) -> None:
        """What is in hand is seen with who has it, and since when."""
        broker = await self.make_broker()
        consumer, job = await self.hand_one(broker)
        place = broker.overseer().place(QUEUE)
        [found] = await self.soon(place.in_hand())
        now = await self.soon(broker.now())
        self.assertEqual((job.payload, job.id), (found.delivery.payload, found.delivery.id))
        self.assertEqual(broker.worker_id, found.worker)
        self.assertTrue(now - 30_000 < found.since <= now + 1000, found)
        self.assertEqual(job.id.decode(), await self.soon(place.newest()))
        await self.settle(consumer, job)
        self.assertEqual([], await self.soon(place.in_hand()))

    async def test_peek_delayed(self) -> None:
        """What is delayed is seen, the next first, with when it is due and its attempt."""
        broker = await self.make_broker()
        later = Post(QUEUE, b"later", (b"a", b"3"), delay=2 * LONG)
        await self.soon(broker.publish([later]))
        await self.soon(broker.publish([Post(QUEUE, b"soon", delay=LONG)]))
        place = broker.overseer().place(QUEUE)
        found, now = await self.soon(place.delayed()), await self.soon(broker.now())
        self.assertEqual([b"soon", b"later"], self.contents(found))
        self.assertEqual(3, found[1].delivery.attempt)
        self.assertTrue(LONG - 30_000 < found[0].due - now <= LONG, found)
        self.assertEqual([b"later"], self.contents(await self.soon(place.delayed(1))))
        self.assertEqual([], await self.soon(place.waiting()))

    async def test_purge_waiting(self) -> None:
        """What waits is thrown away once, and never what somebody has taken."""
        broker = await self.make_broker()
        consumer = await self.open(broker)
        await self.fill(broker, b"1", b"2", b"3")
        place = broker.overseer().place(QUEUE)
        found = [each.delivery for each in await self.soon(place.waiting())]
        job = await self.take_one(consumer)
        results = await self.soon(place.purge(found[:2]))
        self.assertEqual([Settled.LOST, Settled.WON], results)
        self.assertEqual([Settled.LOST], await self.soon(place.purge(found[1:2])))
        self.assertEqual([Settled.WON], await self.settle(consumer, job))
        self.assertEqual(b"3", (await self.take_one(consumer)).payload)

    async def test_purge_makes_room(self) -> None:
        """A queue that was full takes messages again."""
        broker = await self.make_broker()
        await self.fill(broker, b"1", b"2")
        place = broker.overseer().place(QUEUE)
        found = [each.delivery for each in await self.soon(place.waiting())]
        await self.soon(place.purge(found))
        await self.soon(broker.publish([Post(QUEUE, b"3")], max_depth=1))
        self.assertEqual(b"3", (await self.take_one(await self.open(broker))).payload)

    async def test_purge_delayed(self) -> None:
        """What is delayed is thrown away once."""
        broker = await self.make_broker()
        for payload in (b"1", b"2"):
            await self.soon(broker.publish([Post(QUEUE, payload, delay=LONG)]))
        place = broker.overseer().place(QUEUE)
        [first, second] = [each.delivery for each in await self.soon(place.delayed())]
        self.assertEqual([Settled.WON], await self.soon(place.purge_delayed([first])))
        self.assertEqual([Settled.LOST], await self.soon(place.purge_delayed([first])))
        await self.elapse(LONG / 1000 + 1)
        left = await self.take_one(await self.open(broker))
        self.assertEqual(second.payload, left.payload)

    async def test_purge_with_effects(self) -> None:
        """What is staged with a purge happens with it, or not at all."""
        broker = await self.make_broker()
        await self.fill(broker, b"1", b"2")
        place = broker.overseer().place(QUEUE)
        one, two = [each.delivery for each in await self.soon(place.waiting())]
        for each in (one, two):
            await each.store.get("seen")
            each.store.set("seen", each.payload)
            each.stage(Post(OTHER, each.payload))
        self.assertEqual([Settled.WON], await self.soon(place.purge([one])))
        self.assertEqual([Settled.CONFLICT], await self.soon(place.purge([two])))
        self.assertEqual([Settled.LOST], await self.soon(place.purge([one])))
        async with self.unit(broker) as store:
            self.assertEqual(b"1", await store.get("seen"))
        self.assertEqual([b"1"], await self.payloads(broker, 1))
        await self.assert_waiting(broker, 0)
        await self.assert_waiting(broker, 1, QUEUE)

    # Pauses ------------------------------------------------------------------------------------

    async def pause(self, consumer: Any, broker: Any, queue: str = QUEUE) -> None:
        """Pause a queue, until a consumer of it has heard of that."""
        self.assertTrue(await self.soon(broker.overseer().pause(queue, "ada", "a bad day")))

        async def has_heard() -> bool:
            return bool(consumer.is_paused)

        await self.eventually(has_heard)

    async def test_queue_paused(self) -> None:
        """Nobody takes from a paused queue, also who waits already; what is in hand is settled,
        and what is published waits until it is resumed."""
        broker, operator = await self.make_broker(), await self.make_broker()
        consumer, job = await self.hand_one(broker)
        taking = consumer.take(1)
        await self.pause(consumer, operator)
        await self.fill(operator, b"1", b"2")
        await self.wait(self.MOMENT)
        self.assertFalse(taking.called)
        self.assertEqual([Settled.WON], await self.settle(consumer, job))
        await self.assert_waiting(broker, 2, QUEUE)
        self.assertTrue(await self.soon(operator.overseer().resume(QUEUE)))
        taken = await self.soon(taking)
        self.assertEqual(b"1", taken[0].payload)
        self.assertFalse(consumer.is_paused)

    async def test_pause_is_known(self) -> None:
        """A pause is listed with who made it, when and why; a second one changes nothing."""
        broker = await self.make_broker()
        overseer = broker.overseer()
        now = await self.soon(broker.now())
        self.assertTrue(await self.soon(overseer.pause(QUEUE, "ada", "“flood”")))
        self.assertFalse(await self.soon(overseer.pause(QUEUE, "bob")))
        [pause] = await self.soon(overseer.pauses())
        self.assertEqual((QUEUE, "ada", "“flood”"), (pause.queue, pause.by, pause.reason))
        self.assertTrue(now <= pause.since < now + 30_000, pause)
        self.assertTrue(await self.soon(overseer.resume(QUEUE)))
        self.assertFalse(await self.soon(overseer.resume(QUEUE)))
        self.assertEqual([], await self.soon(overseer.pauses()))
        for wrong in ((QUEUE, "a" * 101), (QUEUE, "a", "r" * 501), ("q" * 201, "a")):
            self.assertRaises(ValueError, overseer.pause, *wrong)

    async def test_pause_outlives(self) -> None:
        """A consumer that is opened while its queue is paused takes nothing, not even at first;
        a take of it can be interrupted."""
        first = await self.make_broker()
        await self.soon(first.overseer().pause(QUEUE, "ada"))
        await self.fill(first, b"1")
        consumer = await self.open(await self.make_broker())
        self.assertTrue(consumer.is_paused)
        await self.assert_quiet(consumer)
        await self.soon(first.overseer().resume(QUEUE))
        self.assertEqual(b"1", (await self.take_one(consumer)).payload)

    async def test_pause_ordered(self) -> None:
        """Who reads in order pauses as well, and goes on in order."""
        broker = await self.make_broker()
        consumer = await self.open(broker, ordered=True)
        await self.fill(broker, b"1", b"2")
        job = await self.take_one(consumer)
        taking = consumer.take(1)
        taken = [] if not taking.called else await taking
        await self.pause(consumer, broker)
        await self.fill(broker, b"3")
        await self.settle(consumer, job)
        if not taken:
            await self.soon(consumer.interrupt())
            taken = await self.soon(taking)
        await self.assert_quiet(consumer)
        await self.soon(broker.overseer().resume(QUEUE))
        taken += await self.take(consumer, 2 - len(taken))
        self.assertEqual([b"2", b"3"], [each.payload for each in taken])

    async def test_pause_limited(self) -> None:
        """Who reads within a limit pauses as well."""
        broker = await self.make_broker()
        consumer = await self.open(broker, limit=Limit(concurrency=2, rate=100))
        await self.pause(consumer, broker)
        await self.fill(broker, b"1")
        await self.assert_quiet(consumer)
        await self.soon(broker.overseer().resume(QUEUE))
        self.assertEqual(b"1", (await self.take_one(consumer)).payload)

    async def test_pause_delayed(self) -> None:
        """What becomes due in a paused queue waits there with the rest."""
        broker = await self.make_broker()
        consumer = await self.open(broker)
        await self.pause(consumer, broker)
        await self.soon(broker.publish([Post(QUEUE, b"later", delay=LONG)]))
        await self.elapse(LONG / 1000 + 1)

        async def is_due() -> bool:
            return bool((await self.look(broker)).waiting)

        await self.eventually(is_due)
        await self.assert_quiet(consumer)
