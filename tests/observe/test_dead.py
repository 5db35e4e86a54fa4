"""The dead letter office: what it finds, and what it does exactly once while all goes on."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from pipeline.brokers.memory import MemoryBroker
from pipeline.codec import Codec
from pipeline.delivery import Post
from pipeline.errors import InvalidMessage
from pipeline.message.user import UserMessage
from pipeline.observe.dead import DeadLetterOffice, Selection, checked_payload, is_reference
from tests.brokers.redis.bench import QUEUE, RedisCase

OTHER = "other.inbound"
START = 1_700_000_000


class Finding(TestCase):
    """Which letters are meant."""

    async def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(START)
        self.broker = MemoryBroker(self.clock, partitions=2)
        await self.broker.start()
        self.addCleanup(self.broker.stop)
        self.office = DeadLetterOffice(self.broker, self.clock.seconds)

    async def bury(self, payload: bytes, to: str = QUEUE, partition: int = 0, **f: bytes) -> None:
        """One more dead letter."""
        headers = tuple(part for n, v in f.items() for part in (n.encode(), v))
        await self.broker.publish([Post(f"!{to}", payload, headers)], partition)

    async def found(self, **selection: Any) -> list[bytes]:
        """The payloads of a selection."""
        pages = self.office.find(Selection(**selection))
        return [letter.payload async for page in pages for letter in page]

    async def test_fields(self) -> None:
        """By queue, reason, error and text; what is given must all hold."""
        await self.bury(b"one", reason=b"poison", error=b"KeyError: 'Milk'")
        await self.bury(b'"caf\\u00e9"', reason=b"exhausted", error=b"ValueError: no milk")
        await self.bury(b"three", OTHER, 1, reason=b"exhausted")
        self.assertEqual(3, len(await self.found()))
        self.assertEqual([b"three"], await self.found(queues=(OTHER,)))
        self.assertEqual([b"one"], await self.found(reasons=("poison", "torn")))
        self.assertEqual(2, len(await self.found(error="milk")))
        self.assertEqual([b"one"], await self.found(error="keyerror"))
        self.assertEqual([b'"caf\\u00e9"'], await self.found(text="É"))
        self.assertEqual([], await self.found(error="milk", queues=(OTHER,)))
        self.assertEqual([], await self.found(queues=("no.inbound",)))

    async def test_age(self) -> None:
        """By how long ago they died."""
        await self.bury(b"old")
        self.clock.advance(100)
        await self.bury(b"new")
        self.clock.advance(1)
        self.assertEqual([b"old"], await self.found(older=50))
        self.assertEqual([b"new"], await self.found(newer=50))
        self.assertEqual([], await self.found(newer=50, older=10))

    async def test_instances(self) -> None:
        """An instance's queue means its letters alone, its connector's those of all."""
        await self.bury(b"1", "web.outbound", queue=b"web.outbound@a")
        await self.bury(b"2", "web.outbound", queue=b"web.outbound@b")
        await self.bury(b"3", "web.outbound")
        self.assertEqual([b"1"], await self.found(queues=("web.outbound@a",)))
        self.assertEqual(3, len(await self.found(queues=("web.outbound",))))
        self.assertEqual({"web.outbound": {"": 1}}, await self.counts(queues=("web.outbound@b",)))

    async def counts(self, **selection: Any) -> dict[str, dict[str, int]]:
        return await self.office.reasons(Selection(**selection))

    async def test_counts(self) -> None:
        """Letters are counted over partitions, with and without a filter."""
        await self.bury(b"1", reason=b"poison")
        await self.bury(b"2", partition=1, reason=b"poison")
        await self.bury(b"3", OTHER, reason=b"torn")
        whole = {QUEUE: {"poison": 2}, OTHER: {"torn": 1}}
        self.assertEqual(whole, await self.counts())
        self.assertEqual({QUEUE: {"poison": 1}}, await self.counts(text="2"))
        self.assertEqual(3, await self.office.total(Selection()))

    async def test_lookup(self) -> None:
        """By id, in the partition that it names; the rest of the selection must hold, too."""
        await self.bury(b"1")
        await self.bury(b"2", partition=1)
        for reference, payload in (("0", b"1"), ("1", b"2")):
            [letter] = [
                letter
                async for page in self.office.find(Selection())
                for letter in page
                if str(letter.partition) == reference
            ]
            [again] = await self.office.lookup(letter.reference, Selection())
            self.assertEqual((letter, payload), (again, again.payload))
            self.assertEqual([], await self.office.lookup(letter.reference, Selection(text="x")))
        self.assertEqual([], await self.office.lookup("1-1", Selection()))
        self.assertEqual([], await self.office.lookup("what", Selection()))
        self.assertTrue(is_reference("1-1/2"))
        self.assertFalse(is_reference("1-1/x"))

    async def test_what_dies_meanwhile(self) -> None:
        """A letter that dies while others are found is not found."""
        for n in range(3):
            await self.bury(b"%d" % n)
        rounds = 0
        async for page in self.office.find(Selection()):
            rounds += 1
            await self.office.purge(page)
            await self.bury(b"new")
        self.assertEqual(1, rounds)
        self.assertEqual([b"new"], await self.found())

    async def test_edit(self) -> None:
        """An edited letter can be put back at once; who edits what is gone is told."""
        await self.bury(b"old")
        [[letter]] = [page async for page in self.office.find(Selection())]
        mended = await self.office.edit(letter, b"new")
        assert mended is not None
        self.assertIsNone(await self.office.edit(letter, b"newer"))
        self.assertEqual([b"new"], await self.found())
        self.assertEqual([True], await self.office.requeue([mended]))
        self.assertEqual(1, (await self.broker.depth(QUEUE)).waiting)

    def test_checked_payload(self) -> None:
        """Only a message passes, in the namespace's format."""
        message = UserMessage(
            content="hi", from_addr="a", to_addr="b", transport_name="t", transport_type="x"
        )
        codec = Codec("msgpack")
        value = {**message.payload, "timestamp": "2026-01-01T00:00:00Z", "content": "ho"}
        value.pop("extra", None)
        again: Any = codec.decode(checked_payload(value, codec))
        self.assertEqual("ho", again.content)
        for wrong in ({**value, "content": 5}, {}, [], None):
            self.assertRaises(InvalidMessage, checked_payload, wrong, codec)


class Ten(RedisCase):
    """Ten thousand letters."""

    COUNT = 10_000

    async def fill(self, broker: Any) -> None:
        """Make them dead."""
        for start in range(0, self.COUNT, 1000):
            posts = [Post(f"!{QUEUE}", b"%d" % n) for n in range(start, start + 1000)]
            await broker.publish(posts, 0)

    async def put_back(self, broker: Any) -> int:
        """What one operator does: how many letters obeyed."""
        office, count = DeadLetterOffice(broker), 0
        async for page in office.find(Selection()):
            count += sum(await office.requeue(page))
        return count

    async def consume(self, broker: Any, seen: list[bytes]) -> None:
        """What a worker does."""
        consumer = broker.consumer(QUEUE)
        await consumer.open()
        while len(seen) < self.COUNT:
            taken = await consumer.take(200)
            seen += [delivery.payload for delivery in taken]
            await consumer.settle(taken)
        await consumer.close()

    async def test_two_operators_and_a_worker(self) -> None:
        """Each letter is put back once and handled once, whoever presses at the same time."""
        brokers = [self.broker(partitions=1) for _ in range(3)]
        for broker in brokers:
            await broker.start()
        await self.fill(brokers[0])
        seen: list[bytes] = []
        working = Deferred.fromCoroutine(self.consume(brokers[0], seen))
        operators = [Deferred.fromCoroutine(self.put_back(b)) for b in brokers[1:]]
        counts = await gatherResults(operators)
        await working
        self.assertEqual(self.COUNT, sum(counts))
        self.assertEqual(sorted(b"%d" % n for n in range(self.COUNT)), sorted(seen))
        self.assertEqual((0, 0, 0, 0), tuple(await brokers[0].depth(QUEUE)))

    async def test_large_letters(self) -> None:
        """A page of large letters is small: the memory doesn't grow with their number."""
        broker = self.broker()
        await broker.start()
        large = b"x" * 400_000
        for _ in range(10):
            await broker.publish([Post(f"!{QUEUE}", large) for _ in range(4)])
        pages = [page async for page in DeadLetterOffice(broker).find(Selection())]
        self.assertEqual(40, sum(map(len, pages)))
        self.assertLessEqual(max(map(len, pages)), 3)
