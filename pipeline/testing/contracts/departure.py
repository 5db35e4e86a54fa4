"""What happens to the messages of who leaves, in order or by dying."""

from __future__ import annotations

from typing import Any

from pipeline.delivery import Delivery, Post, Settled
from pipeline.store import Store
from pipeline.testing.contracts.base import OTHER, QUEUE, Bench

__all__ = ["DepartureContract"]

INSTANCE = "web.outbound@a1"


class DepartureContract(Bench):
    """Nothing is lost with a worker, and nothing is taken from one that lives."""

    # In order ----------------------------------------------------------------------------------

    async def test_hand_back(self) -> None:
        """What is handed back is at the tail of its queue, for another, at once."""
        broker, other = await self.make_broker(), await self.make_broker()
        await self.fill(broker, b"1", b"2", b"3")
        consumer = await self.open(broker)
        await self.soon(consumer.hand_back(await self.take(consumer, 1)))
        taken = await self.take(await self.open(other), 3)
        self.assertEqual([b"2", b"3", b"1"], [d.payload for d in taken])

    async def test_hand_back_wakes(self) -> None:
        """Who waits for a message gets the one that is handed back."""
        broker, other = await self.make_broker(), await self.make_broker()
        consumer, job = await self.hand_one(broker)
        waiting = (await self.open(other)).take(1)
        await self.soon(consumer.hand_back([job]))
        self.assertEqual([b"job"], [d.payload for d in await self.soon(waiting)])

    async def test_hand_back_keeps(self) -> None:
        """Attempt, deaths, first time and history stay as they were; what was staged is gone."""
        broker = await self.make_broker()
        headers = (b"a", b"3", b"d", b"1", b"t", b"1700000000123", b"h", b"[1]", b"c", b"{}")
        await self.soon(broker.publish([Post(QUEUE, b"x", headers)]))
        consumer = await self.open(broker)
        job = await self.take_one(consumer)
        job.stage(Post(OTHER, b"staged"))
        job.store.set("staged", "yes")
        await self.soon(consumer.hand_back([job]))
        again = await self.take_one(consumer)
        self.assertEqual((3, 1, False), (again.attempt, again.deaths, again.probation))
        told = (again.enqueued_at, again.history, again.trace)
        self.assertEqual((1700000000123, b"[1]", b"{}"), told)
        self.assertEqual([Settled.WON], await self.settle(consumer, again))
        await self.assert_waiting(broker, 0)
        self.assertIsNone(await Store(broker.reader()).get("staged"))

    async def test_hand_back_late(self) -> None:
        """What was settled meanwhile isn't handed back; what was handed back can't be settled."""
        broker = await self.make_broker()
        consumer, job = await self.hand_one(broker)
        await self.settle(consumer, job)
        await self.soon(consumer.hand_back([job]))
        await self.assert_waiting(broker, 0, QUEUE)
        await self.fill(broker, b"x")
        job = await self.take_one(consumer)
        await self.soon(consumer.hand_back([job]))
        self.assertEqual([Settled.LOST], await self.settle(consumer, job))
        await self.assert_waiting(broker, 1, QUEUE)

    async def test_close_instance(self) -> None:
        """What a closed instance's queue still holds is a dead letter of its connector's queue."""
        broker = await self.make_broker()
        consumer = broker.consumer(INSTANCE, instance=True)
        await self.soon(consumer.open())
        await self.fill(broker, b"reply", queue=INSTANCE)
        await self.soon(consumer.close())
        await self.assert_gone(broker, b"reply")

    async def test_late_for_an_instance(self) -> None:
        """What is published or staged for an instance that is gone is a dead letter at once."""
        broker = await self.make_broker()
        consumer = broker.consumer(INSTANCE, instance=True)
        await self.soon(consumer.open())
        await self.soon(consumer.close())
        await self.fill(broker, b"published", queue=INSTANCE)
        worker, job = await self.hand_one(broker)
        job.stage(Post(INSTANCE, b"staged", (b"c", b"{}")))
        self.assertEqual([Settled.WON], await self.settle(worker, job))
        entries = await self.soon(broker.dead("web.outbound"))
        self.assertEqual([b"published", b"staged"], [e.fields["payload"] for e in entries])
        self.assertEqual({b"gone"}, {entry.fields["reason"] for entry in entries})
        self.assertEqual([None, b"{}"], [entry.fields.get("trace") for entry in entries])
        self.assertEqual(0, (await self.soon(broker.depth(INSTANCE))).waiting)

    # By dying ----------------------------------------------------------------------------------

    async def test_dead(self) -> None:
        """What a dead worker had in hand another gets, on probation, one after the other."""
        dying, other = await self.make_broker(), await self.make_broker()
        await self.fill(dying, b"1", b"2", b"3")
        await self.take(await self.open(dying), 3)
        consumer = await self.open(other)
        await self.assert_quiet(consumer)
        await self.lose(dying)
        for payload in (b"1", b"2", b"3"):
            [job] = await self.soon(consumer.take(10))
            self.assertEqual((payload, 1, True), (job.payload, job.deaths, job.probation))
            await self.assert_quiet(consumer)
            self.assertEqual([Settled.WON], await self.settle(consumer, job))
        self.assertEqual((0, 0, 0, 0), tuple(await self.soon(other.depth(QUEUE))))

    async def test_not_dead_yet(self) -> None:
        """A worker that was silent for less than ``dead_after`` is robbed of nothing."""
        slow, other = await self.make_broker(), await self.make_broker()
        await self.hand_one(slow)
        idle = await self.open(other)
        await self.silence(slow)
        await self.wait(0.3 * self.DEAD_AFTER)
        await self.assert_quiet(idle)

    async def test_dead_before_the_heir_came(self) -> None:
        """A worker that comes after the death takes over too."""
        dying = await self.make_broker()
        await self.hand_one(dying, b"left")
        await self.lose(dying)
        consumer = await self.open(await self.make_broker())
        await self.wait(1.5 * self.DEAD_AFTER)
        self.assertEqual(b"left", (await self.take_one(consumer)).payload)

    async def test_dead_wakes(self) -> None:
        """A take that waits is given what a dead worker held."""
        dying, other = await self.make_broker(), await self.make_broker()
        await self.hand_one(dying, b"left")
        waiting = (await self.open(other)).take(1)
        await self.lose(dying)
        self.assertEqual([b"left"], [d.payload for d in await self.soon(waiting)])

    async def test_dead_keeps(self) -> None:
        """Attempt, first time and history stay as they were; a death more is counted."""
        dying, other = await self.make_broker(), await self.make_broker()
        headers = (b"a", b"3", b"d", b"1", b"t", b"1700000000123", b"h", b"[1]", b"c", b"{}")
        await self.soon(dying.publish([Post(QUEUE, b"x", headers)]))
        await self.take_one(await self.open(dying))
        consumer = await self.open(other)
        await self.lose(dying)
        job = await self.take_one(consumer)
        self.assertEqual((3, 2), (job.attempt, job.deaths))
        told = (job.enqueued_at, job.history, job.trace)
        self.assertEqual((1700000000123, b"[1]", b"{}"), told)
        await self.soon(consumer.hand_back([job]))
        self.assertEqual(2, (await self.take_one(consumer)).deaths)

    async def test_only_the_suspect_counts(self) -> None:
        """Of all that a second dead worker took over, only what it handled counts its death."""
        first, second, third = [await self.make_broker() for _ in range(3)]
        await self.fill(first, b"poison", b"fine", b"good")
        await self.take(await self.open(first), 3)
        heir = await self.open(second)
        await self.lose(first)
        self.assertEqual(b"poison", (await self.take_one(heir)).payload)
        consumer = await self.open(third)
        await self.lose(second)
        self.assertEqual({b"poison": 2, b"fine": 1, b"good": 1}, await self.deaths(consumer, 3))

    async def deaths(self, consumer: Any, count: int) -> dict[bytes, int]:
        """How many deaths each message counts when it is given out on probation."""
        counted: dict[bytes, int] = {}
        for _ in range(count):
            job: Delivery = await self.take_one(consumer)
            counted[job.payload] = job.deaths
            await self.settle(consumer, job)
        return counted

    async def test_fresh_beside_a_suspect(self) -> None:
        """While one message is on probation, new ones are taken as ever."""
        dying, other = await self.make_broker(), await self.make_broker()
        await self.hand_one(dying, b"suspect")
        consumer = await self.open(other)
        await self.lose(dying)
        suspect = await self.take_one(consumer)
        await self.fill(other, b"fresh")
        fresh = await self.take_one(consumer)
        self.assertEqual((True, False), (suspect.probation, fresh.probation))
        self.assertEqual((b"fresh", 0), (fresh.payload, fresh.deaths))

    async def test_long_work(self) -> None:
        """What a worker that lives has in hand is never taken from it, however long."""
        slow, other = await self.make_broker(), await self.make_broker()
        consumer, job = await self.hand_one(slow)
        idle = await self.open(other)
        await self.wait(3 * self.DEAD_AFTER)
        await self.assert_quiet(idle)
        self.assertEqual([Settled.WON], await self.settle(consumer, job))

    async def test_late_settler_loses(self) -> None:
        """A worker that was called dead and comes back late changes nothing."""
        dying, other = await self.make_broker(), await self.make_broker()
        late, job = await self.hand_one(dying)
        consumer = await self.open(other)
        await self.lose(dying)
        again = await self.take_one(consumer)
        for side, run in ((b"late", job), (b"heir", again)):
            run.stage(Post(OTHER, side))
            run.store.incr("n")
        self.assertEqual([Settled.WON], await self.settle(consumer, again))
        self.assertEqual([Settled.LOST], await self.settle(late, job))
        self.assertEqual([b"heir"], await self.payloads(other, 1))
        self.assertEqual(1, await Store(other.reader()).count("n"))

    async def test_late_settler_wins(self) -> None:
        """A worker that was called dead may still be first; then its heir changes nothing."""
        dying, other = await self.make_broker(), await self.make_broker()
        late, job = await self.hand_one(dying)
        consumer = await self.open(other)
        await self.lose(dying)
        again = await self.take_one(consumer)
        again.stage(Post(OTHER, b"heir"))
        self.assertEqual([Settled.WON], await self.settle(late, job))
        self.assertEqual([Settled.LOST], await self.settle(consumer, again))
        await self.assert_waiting(other, 0)

    async def test_lost_suspect_makes_room(self) -> None:
        """When its first holder was faster with a suspect, the heir is given the next one."""
        dying, other = await self.make_broker(), await self.make_broker()
        await self.fill(dying, b"1", b"2")
        late = await self.open(dying)
        first, _ = await self.take(late, 2)
        consumer = await self.open(other)
        await self.lose(dying)
        again = await self.take_one(consumer)
        waiting = consumer.take(1)
        await self.settle(late, first)
        self.assertEqual([Settled.LOST], await self.settle(consumer, again))
        self.assertEqual([b"2"], [d.payload for d in await self.soon(waiting)])

    async def test_dead_instance(self) -> None:
        """What waits for an instance that died is a dead letter of its connector's queue."""
        dying, other = await self.make_broker(), await self.make_broker()
        await self.open(dying, INSTANCE, instance=True)
        await self.open(other)
        await self.fill(other, b"reply", queue=INSTANCE)
        await self.lose(dying)
        await self.assert_gone(other, b"reply")

    async def test_living_instance(self) -> None:
        """What waits for an instance that lives waits as long as it takes."""
        owner, other = await self.make_broker(), await self.make_broker()
        consumer = await self.open(owner, INSTANCE, instance=True)
        await self.open(other)
        await self.fill(other, b"reply", queue=INSTANCE)
        await self.wait(3 * self.DEAD_AFTER)
        self.assertEqual(b"reply", (await self.take_one(consumer)).payload)

    async def assert_gone(self, broker: Any, payload: bytes) -> None:
        """A message became a dead letter, for its reader is gone."""
        [entry] = await self.eventually(lambda: self.soon(broker.dead("web.outbound")))
        self.assertEqual((b"gone", payload), (entry.fields["reason"], entry.fields["payload"]))
        self.assertEqual(0, (await self.soon(broker.depth(INSTANCE))).waiting)
