"""A queue over all its partitions: what is found there, and what is thrown away."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from pipeline.brokers.memory import MemoryBroker
from pipeline.delivery import Delivery, Post
from pipeline.errors import ServerRefused
from pipeline.observe import queues
from pipeline.observe.queues import Yard, is_reference, reference

QUEUE = "q.inbound"


async def nothing(delivery: Delivery) -> None:
    """What is staged for a plain message."""


class Queues(TestCase):
    async def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1_764_000_000)
        self.broker = MemoryBroker(self.clock, partitions=2)
        await self.broker.start()
        self.addCleanup(self.broker.stop)
        self.yard = Yard(self.broker, QUEUE)
        self.patch(queues, "PAGE", 2)

    async def fill(self, *payloads: bytes, partition: int = 0, delay: int = 0) -> None:
        posts = [Post(QUEUE, payload, delay=delay) for payload in payloads]
        await self.broker.publish(posts, partition)

    async def contents(self, kind: str, yard: Yard | None = None) -> list[bytes]:
        found = yard or self.yard
        return [each.delivery.payload async for page in found.find(kind) for each in page]

    async def test_find(self) -> None:
        """Messages of each kind come page by page, partition by partition."""
        await self.fill(b"1", b"2", b"3")
        await self.fill(b"4", partition=1)
        await self.fill(b"5", b"6", b"7", delay=1000)
        self.assertEqual([b"1", b"2", b"3", b"4"], await self.contents("waiting"))
        self.assertEqual([b"5", b"6", b"7"], await self.contents("delayed"))
        self.assertEqual([b"4"], await self.contents("waiting", Yard(self.broker, QUEUE, [1])))
        await self.broker.consumer(QUEUE).take(3)
        self.assertEqual([b"1", b"2", b"3"], await self.contents("in_hand"))

    async def test_lookup(self) -> None:
        """Every message is found by its reference, whatever it waits for."""
        await self.fill(b"1", b"2", partition=1)
        await self.fill(b"later", b"then", b"last", delay=1000)
        await self.broker.consumer(QUEUE, 1).take(1)
        for kind, count in (("waiting", 1), ("in_hand", 1), ("delayed", 3)):
            found = [each async for page in self.yard.find(kind) for each in page]
            self.assertEqual(count, len(found))
            for each in found:
                self.assertTrue(is_reference(reference(each)), reference(each))
                known = await self.yard.lookup(reference(each))
                assert known is not None
                self.assertEqual(
                    (kind, each.delivery.payload), (known[0], known[1].delivery.payload)
                )
        for text in ("1-1", "1-1/1", "0" * 31 + "9", "1-1/7", "what"):
            self.assertIsNone(await self.yard.lookup(text), text)

    async def test_purge(self) -> None:
        """All that waits goes, over all partitions; what is in hand, delayed or new stays."""
        await self.fill(b"held", b"1", b"2", b"3")
        await self.fill(b"4", partition=1)
        await self.fill(b"later", delay=1000)
        await self.broker.consumer(QUEUE).take(1)
        looked: list[int] = []

        async def come(delivery: Delivery) -> None:
            await self.fill(b"new")

        tally = await self.yard.purge("waiting", come, looked.append)
        self.assertEqual({"purged": 4, "gone": 0, "kept": 0}, dict(tally))
        self.assertEqual(4, sum(looked))
        self.assertEqual([b"held"], await self.contents("in_hand"))
        self.assertEqual([b"later"], await self.contents("delayed"))
        self.assertEqual([b"new"] * 4, await self.contents("waiting"))

    async def test_purge_delayed(self) -> None:
        """Of those that are delayed all go."""
        await self.fill(b"1", b"2", b"3", delay=1000)
        await self.fill(b"4", delay=1, partition=1)
        await self.fill(b"5")
        tally = await self.yard.purge("delayed", nothing)
        self.assertEqual(4, tally["purged"])
        self.assertEqual(
            ([], [b"5"]), (await self.contents("delayed"), await self.contents("waiting"))
        )

    async def test_taken_meanwhile(self) -> None:
        """What a worker takes between the look and the purge is its own."""
        await self.fill(b"1", b"2")

        async def take(delivery: Delivery) -> None:
            if delivery.payload == b"1":
                await self.broker.consumer(QUEUE).take(1)

        tally = await self.yard.purge("waiting", take)
        self.assertEqual({"purged": 1, "gone": 1, "kept": 0}, dict(tally))
        self.assertEqual([b"1"], await self.contents("in_hand"))

    async def test_conflicts(self) -> None:
        """What is staged is staged again when it has changed; one that always does is kept."""
        for delay in (0, 1000):
            await self.fill(b"calm", b"wild", b"slow", delay=delay)
        tries: dict[bytes, int] = {}

        async def stage(delivery: Delivery) -> None:
            tries[delivery.payload] = tries.get(delivery.payload, 0) + 1
            first_of_slow = delivery.payload == b"slow" and tries[b"slow"] == 1
            if delivery.payload == b"wild" or first_of_slow:
                delivery.store.expect("x", b"never")

        for kind in ("waiting", "delayed"):
            tries.clear()
            tally = await self.yard.purge(kind, stage)
            self.assertEqual({"purged": 2, "gone": 0, "kept": 1}, dict(tally), kind)
            self.assertEqual(queues.TRIES, tries[b"wild"])
            self.assertEqual([b"wild"], await self.contents(kind))

    async def test_refused(self) -> None:
        """A write that can't be done ends it, with the reason."""
        await self.fill(b"1")

        async def stage(delivery: Delivery) -> None:
            delivery.store.writes.append(("incr", "n", b"no number", 0))

        with self.assertRaises(ServerRefused) as caught:
            await self.yard.purge("waiting", stage)
        self.assertIn("can't be thrown away", str(caught.exception))
        self.assertEqual([b"1"], await self.contents("waiting"))


class References(TestCase):
    def test_references(self) -> None:
        """An id with its partition, or a delayed message's name, is a reference; others aren't."""
        name = "0123456789abcdef" * 2
        for text in ("1-0", "1764000000000-12/3", name, f"{name}/1"):
            self.assertTrue(is_reference(text), text)
        for text in ("", "1", "1-", "-1", "1-0/", "1-0/x", name[1:], "1-0 ", "x" * 32):
            self.assertFalse(is_reference(text), text)
        delayed: Any = Delivery("q", name.encode() + b"\x00rest", b"", partition=4)
        self.assertEqual(f"{name}/4", reference(queues.Found(delivery=delayed)))
