"""What an operator may do with dead letters."""

from __future__ import annotations

import json
from typing import Any

from pipeline.delivery import DeadLetterEntry, Post
from pipeline.testing.contracts.base import OTHER, QUEUE, Bench

__all__ = ["LettersContract"]

INSTANCE = "web.outbound@a1"


class LettersContract(Bench):
    """Dead letters can be found, put back, mended and thrown away; each once."""

    async def bury(
        self, broker: Any, *payloads: bytes, queue: str = QUEUE, **fields: bytes
    ) -> list[DeadLetterEntry]:
        """Make dead letters: those that their queue has now."""
        whole = {"reason": b"exhausted", "enqueued_at": b"1700000000123", **fields}
        headers = tuple(part for n, v in whole.items() for part in (n.encode(), v))
        posts = [Post(f"!{queue}", payload, headers) for payload in payloads]
        await self.soon(broker.publish(posts))
        letters: list[DeadLetterEntry] = await self.soon(broker.dead(queue))
        return letters

    # From the edge -----------------------------------------------------------------------------

    async def test_bury_from_the_edge(self) -> None:
        """What never was a message can be kept as it came, with all that is known about it."""
        broker = await self.make_broker()
        raw = b"\xff\x00 no message"
        [letter] = await self.bury(broker, raw, reason=b"malformed", error=b"E: no", where=b"at 1")
        self.assertEqual(QUEUE, letter.queue)
        known = {name: letter.fields[name] for name in ("payload", "reason", "error", "where")}
        expected = {"payload": raw, "reason": b"malformed", "error": b"E: no", "where": b"at 1"}
        self.assertEqual(expected, known)
        await self.assert_waiting(broker, 0, QUEUE)

    async def test_bury_bare(self) -> None:
        """A dead letter of which nothing else is known has its bytes, and goes back with them."""
        broker = await self.make_broker()
        await self.soon(broker.publish([Post(f"!{QUEUE}", b"raw"), Post(f"!{QUEUE}", b"more")]))
        letters = await self.soon(broker.dead(QUEUE))
        self.assertEqual([b"raw", b"more"], [letter.fields["payload"] for letter in letters])
        await self.soon(broker.dead_letters(QUEUE).requeue(letters))
        taken = await self.take(await self.open(broker), 2)
        self.assertEqual([b"raw", b"more"], [delivery.payload for delivery in taken])

    async def test_bury_once(self) -> None:
        """A dead letter from the edge that is sent twice within its window is kept once; what
        waits in the queue itself is no twin of it."""
        broker = await self.make_broker()
        letter = Post(f"!{QUEUE}", b"raw", (b"reason", b"x"), unique="one", window=60_000)
        for _ in range(2):
            await self.soon(broker.publish([letter]))
        await self.soon(broker.publish([letter._replace(queue=QUEUE, headers=())]))
        self.assertEqual(1, await self.soon(broker.dead_letters(QUEUE).count()))
        await self.assert_waiting(broker, 1, QUEUE)

    # Looking -----------------------------------------------------------------------------------

    async def test_dead_queues(self) -> None:
        """The queues that have dead letters are known, whatever partition they lie in."""
        broker = await self.make_broker(partitions=2)
        self.assertEqual([], await self.soon(broker.dead_queues()))
        await self.bury(broker, b"1")
        await self.soon(broker.publish([Post(f"!{OTHER}", b"2", (b"reason", b"x"))], 1))
        await self.fill(broker, b"3", queue="alive.inbound")
        self.assertEqual(sorted([QUEUE, OTHER]), await self.soon(broker.dead_queues()))
        place = broker.dead_letters(OTHER, 1)
        await self.soon(place.purge(await self.soon(place.page())))
        self.assertEqual([QUEUE], await self.soon(broker.dead_queues()))

    async def test_letter_pages(self) -> None:
        """Letters come in pages, oldest first, and are counted; the newest is known."""
        broker = await self.make_broker()
        place = broker.dead_letters(QUEUE)
        self.assertIsNone(await self.soon(place.newest()))
        letters = await self.bury(broker, b"1", b"2", b"3")
        self.assertEqual(letters[:2], await self.soon(place.page(count=2)))
        self.assertEqual(letters[2:], await self.soon(place.page(f"({letters[1].id}")))
        self.assertEqual(letters[1:], await self.soon(place.page(letters[1].id)))
        self.assertEqual(letters[-1].id, await self.soon(place.newest()))
        self.assertEqual(3, await self.soon(place.count()))

    async def test_reasons(self) -> None:
        """Letters are counted by their reason."""
        broker = await self.make_broker()
        await self.bury(broker, b"1", b"2")
        await self.bury(broker, b"3", reason=b"poison")
        counts = await self.soon(broker.dead_letters(QUEUE).reasons())
        self.assertEqual({"exhausted": 2, "poison": 1}, counts)
        self.assertEqual({}, await self.soon(broker.dead_letters("no.inbound").reasons()))

    # Putting back ------------------------------------------------------------------------------

    async def test_requeue(self) -> None:
        """A letter is a fresh message again, that keeps its first time, history and trace."""
        broker = await self.make_broker()
        letters = await self.bury(
            broker, b"\x00raw", history=b'[{"attempt": 3}]', attempts=b"3", trace=b"{}"
        )
        place = broker.dead_letters(QUEUE)
        self.assertEqual([True], await self.soon(place.requeue(letters)))
        self.assertEqual(0, await self.soon(place.count()))
        job = await self.take_one(await self.open(broker))
        self.assertEqual((b"\x00raw", 1, 0), (job.payload, job.attempt, job.deaths))
        self.assertEqual((1700000000123, b"{}"), (job.enqueued_at, job.trace))
        failed, put_back = json.loads(job.history)
        self.assertEqual({"attempt": 3}, failed)
        self.assertEqual("exhausted", put_back["reason"])
        self.assertIsInstance(put_back["requeued"], float)

    async def test_requeue_without_history(self) -> None:
        """A history that is missing, empty or no JSON list begins anew."""
        broker = await self.make_broker()
        consumer = await self.open(broker)
        for history in (b"", b"[]", b"[what", b"{}"):
            letters = await self.bury(broker, b"x", history=history)
            await self.soon(broker.dead_letters(QUEUE).requeue(letters))
            job = await self.take_one(consumer)
            [note] = json.loads(job.history)
            self.assertEqual("exhausted", note["reason"])
            await self.settle(consumer, job)

    async def test_requeue_wakes(self) -> None:
        """Who waits for a message gets the one that is put back."""
        broker, operator = await self.make_broker(), await self.make_broker()
        letters = await self.bury(broker, b"job")
        waiting = (await self.open(broker)).take(1)
        await self.soon(operator.dead_letters(QUEUE).requeue(letters))
        self.assertEqual([b"job"], [d.payload for d in await self.soon(waiting)])

    async def test_requeue_once(self) -> None:
        """Of two operators who put the same letters back at once, each letter obeys one."""
        one, two = await self.make_broker(), await self.make_broker()
        await self.bury(one, *(b"%d" % n for n in range(250)))
        letters = await self.soon(one.dead(QUEUE, count=250))
        first = one.dead_letters(QUEUE).requeue(letters)
        second = two.dead_letters(QUEUE).requeue(letters)
        results = [await self.soon(first), await self.soon(second)]
        self.assertEqual([1] * 250, [sum(pair) for pair in zip(*results, strict=True)])
        await self.assert_waiting(one, 250, QUEUE)
        self.assertEqual(0, await self.soon(one.dead_letters(QUEUE).count()))

    async def test_requeue_to_an_instance(self) -> None:
        """A letter goes back to its instance, or if that is gone to its connector's queue."""
        broker = await self.make_broker()
        consumer = broker.consumer(INSTANCE, instance=True)
        await self.soon(consumer.open())
        await self.bury(broker, b"1", b"2", queue="web.outbound")
        fields = {"queue": INSTANCE.encode(), "reason": b"gone"}
        headers = tuple(part for n, v in fields.items() for part in (n.encode(), v))
        await self.soon(broker.publish([Post("!web.outbound", b"3", headers)]))
        place = broker.dead_letters(INSTANCE)
        letters = await self.soon(place.page())
        self.assertEqual({"web.outbound"}, {letter.queue for letter in letters})
        self.assertEqual([True] * 2, await self.soon(place.requeue(letters[1:])))
        await self.assert_waiting(broker, 1, "web.outbound")
        await self.assert_waiting(broker, 1, INSTANCE)
        await self.soon(consumer.close())
        [_, gone] = await self.soon(place.page())
        self.assertEqual(INSTANCE.encode(), gone.fields["queue"])
        self.assertEqual([True], await self.soon(place.requeue([gone])))
        await self.assert_waiting(broker, 2, "web.outbound")

    async def test_requeue_at_the_memory_limit(self) -> None:
        """A server that is full lets letters go back to their queue: they are there already."""
        broker = await self.make_broker()
        letters = await self.bury(broker, b"1", b"2")
        if await self.limit_memory():
            results = await self.soon(broker.dead_letters(QUEUE).requeue(letters))
            self.assertEqual([True, True], results)
            await self.assert_waiting(broker, 2, QUEUE)

    # Mending -----------------------------------------------------------------------------------

    async def test_edit(self) -> None:
        """An edited letter has the new payload, all its fields, and the time of its death."""
        broker = await self.make_broker()
        [letter] = await self.bury(broker, b"old", error=b"E: no", history=b"[1]")
        place = broker.dead_letters(QUEUE)
        new = await self.soon(place.edit(letter, b"new"))
        [edited] = await self.soon(place.page())
        self.assertEqual((new, b"new"), (edited.id, edited.fields["payload"]))
        self.assertEqual(b"E: no", edited.fields["error"])
        self.assertEqual(letter.id.partition("-")[0].encode(), edited.fields["died_at"])
        one, note = json.loads(edited.fields["history"])
        self.assertEqual((1, "exhausted"), (one, note["reason"]))
        self.assertIsInstance(note["edited"], float)

    async def test_edit_compares(self) -> None:
        """Of two edits of what was read at the same time only the first is made."""
        broker = await self.make_broker()
        [letter] = await self.bury(broker, b"old")
        place = broker.dead_letters(QUEUE)
        other = letter._replace(fields={**letter.fields, "payload": b"another"})
        self.assertIsNone(await self.soon(place.edit(other, b"wrong")))
        self.assertTrue(await self.soon(place.edit(letter, b"first")))
        self.assertIsNone(await self.soon(place.edit(letter, b"second")))
        self.assertEqual([b"first"], [e.fields["payload"] for e in await self.soon(place.page())])

    # Throwing away -----------------------------------------------------------------------------

    async def test_purge(self) -> None:
        """What is thrown away is gone, once; what was not there is told."""
        broker = await self.make_broker()
        letters = await self.bury(broker, b"1", b"2", b"3")
        place = broker.dead_letters(QUEUE)
        self.assertEqual([True, True], await self.soon(place.purge(letters[:2])))
        self.assertEqual([False, False, True], await self.soon(place.purge(letters)))
        self.assertEqual([False], await self.soon(place.requeue(letters[:1])))
        await self.assert_waiting(broker, 0, QUEUE)

    async def test_retention(self) -> None:
        """Where it is configured, and only there, old letters of the queues read are cleared."""
        keeper = await self.make_broker()
        await self.open(keeper)
        [old] = await self.bury(keeper, b"old")
        await self.elapse(600)
        await self.wait(0.5)
        self.assertEqual([old], await self.soon(keeper.dead(QUEUE)))
        cleaner = await self.make_broker(dead_letter_retention=1)
        await self.open(cleaner)

        async def cleared() -> bool:
            return not await self.soon(cleaner.dead(QUEUE))

        await self.eventually(cleared)
