"""What publishing and taking promise."""

from __future__ import annotations

from pipeline.delivery import Post, Settled
from pipeline.errors import BrokerUnavailable, QueueFull
from pipeline.store import Store
from pipeline.testing.contracts.base import OTHER, QUEUE, Bench

__all__ = ["QueueContract"]

MEGABYTE = b"\0\xff" * 500_000


class QueueContract(Bench):
    """Messages come out as they went in: all, in order, to one taker each."""

    async def test_order(self) -> None:
        """Messages are taken in the order in which they were published."""
        broker = await self.make_broker()
        payloads = [b"%d" % n for n in range(50)]
        await self.fill(broker, *payloads[:20])
        await self.fill(broker, *payloads[20:])
        self.assertEqual(payloads, await self.payloads(broker, 50, QUEUE))

    async def test_bytes(self) -> None:
        """A payload is any bytes: all values, none at all, a megabyte."""
        broker = await self.make_broker()
        payloads = [bytes(range(256)) + b"\r\n", b"", MEGABYTE]
        await self.fill(broker, *payloads)
        self.assertEqual(payloads, await self.payloads(broker, 3, QUEUE))

    async def test_first_time(self) -> None:
        """A new message is at its first attempt, nobody died with it, its time is known."""
        broker = await self.make_broker()
        _, taken = await self.hand_one(broker)
        self.assertEqual((1, 0, b""), (taken.attempt, taken.deaths, taken.history))
        self.assertEqual((QUEUE, 0, False), (taken.queue, taken.partition, taken.probation))
        self.assertGreater(taken.enqueued_at, 0)

    async def test_headers(self) -> None:
        """Attempt, deaths, first time and history travel beside the payload."""
        broker = await self.make_broker()
        headers: tuple[bytes, ...] = (
            b"a",
            b"3",
            b"d",
            b"1",
            b"t",
            b"1700000000123",
            b"h",
            b'[{"a": 1}]',
        )
        headers += (b"c", b"{}")
        await self.soon(broker.publish([Post(QUEUE, b"x", headers)]))
        taken = await self.take_one(await self.open(broker))
        self.assertEqual((3, 1), (taken.attempt, taken.deaths))
        self.assertEqual((1700000000123, b'[{"a": 1}]'), (taken.enqueued_at, taken.history))
        self.assertEqual((b"{}", (b"c", b"{}")), (taken.trace, taken.trace_headers))

    async def test_nothing_owed(self) -> None:
        """A server that is there owes no answer for long: to nobody, if no take is out."""
        broker = await self.make_broker()
        consumer = await self.open(broker)
        self.assertIsNone(consumer.waiting_since)
        taking = consumer.take(1)
        since = consumer.waiting_since
        self.assertTrue(since is None or since <= broker.clock.seconds())
        await self.soon(consumer.interrupt())
        self.assertEqual([], await self.soon(taking))
        self.assertIsNone(consumer.waiting_since)
        self.assertLess(broker.silence, 60.0)

    async def test_published_before_anybody_read(self) -> None:
        """A message waits for its first consumer, and for one of another process."""
        await self.fill(await self.make_broker(), b"early")
        self.assertEqual([b"early"], await self.payloads(await self.make_broker(), 1, QUEUE))

    async def test_shared(self) -> None:
        """Consumers of one queue share its messages: each goes to one of them."""
        brokers = [await self.make_broker(), await self.make_broker()]
        consumers = [await self.open(broker) for broker in brokers]
        payloads = [b"%d" % n for n in range(60)]
        await self.fill(brokers[0], *payloads)
        taken = [d.payload for n in range(6) for d in await self.take(consumers[n % 2], 10)]
        self.assertEqual(sorted(payloads), sorted(taken))
        for consumer in consumers:
            await self.assert_quiet(consumer)

    async def test_prefetch(self) -> None:
        """A take never brings more than it was asked for; the rest is there for others."""
        broker = await self.make_broker()
        consumer = await self.open(broker)
        await self.fill(broker, b"1", b"2", b"3", b"4", b"5")
        self.assertEqual([b"1", b"2"], [d.payload for d in await self.take(consumer, 2)])
        await self.assert_waiting(broker, 3, QUEUE)
        self.assertEqual(3, len(await self.take(await self.open(await self.make_broker()), 3)))

    async def test_take_waits(self) -> None:
        """A take waits until there is a message, and is not held up by a second one."""
        broker = await self.make_broker()
        consumer = await self.open(broker)
        taking = consumer.take(10)
        await self.wait(self.MOMENT)
        self.assertFalse(taking.called)
        await self.fill(broker, b"at last")
        self.assertEqual([b"at last"], [d.payload for d in await self.soon(taking)])

    async def test_interrupt(self) -> None:
        """An interrupted take ends with nothing, and the next one works."""
        broker = await self.make_broker()
        consumer = await self.open(broker)
        taking = consumer.take(10)
        await self.wait(self.MOMENT)
        await self.soon(consumer.interrupt())
        self.assertEqual([], await self.soon(taking))
        await self.fill(broker, b"later")
        self.assertEqual(b"later", (await self.take_one(consumer)).payload)

    async def test_interrupt_idle(self) -> None:
        """To interrupt when no take is out does no harm to the next take."""
        broker = await self.make_broker()
        consumer = await self.open(broker)
        await self.soon(consumer.interrupt())
        await self.fill(broker, b"x")
        self.assertEqual(b"x", (await self.take_one(consumer)).payload)

    async def test_interrupt_races(self) -> None:
        """What arrives while a take is interrupted is in its result or in the next one's."""
        broker = await self.make_broker()
        consumer = await self.open(broker)
        for n in range(20):
            taking = consumer.take(10)
            publishing = broker.publish([Post(QUEUE, b"%d" % n)])
            await self.soon(consumer.interrupt())
            await self.soon(publishing)
            taken = await self.soon(taking) or await self.take(consumer)
            self.assertEqual([b"%d" % n], [d.payload for d in taken])
            self.assertEqual([Settled.WON], await self.settle(consumer, *taken))

    async def test_pause(self) -> None:
        """A consumer that doesn't take leaves the messages where they are."""
        broker = await self.make_broker()
        await self.open(broker)
        await self.fill(broker, b"1", b"2")
        await self.wait(self.MOMENT)
        await self.assert_waiting(broker, 2, QUEUE)

    async def test_in_hand(self) -> None:
        """A consumer knows what it has taken and not yet settled or handed back."""
        broker = await self.make_broker()
        consumer = await self.open(broker)
        await self.fill(broker, b"1", b"2")
        first, second = await self.take(consumer, 2)
        self.assertEqual({first.id: first, second.id: second}, dict(consumer.in_hand))
        await self.settle(consumer, first)
        await self.soon(consumer.hand_back([second]))
        self.assertEqual({}, dict(consumer.in_hand))

    async def test_close(self) -> None:
        """A consumer with nothing in hand closes; the queue stays for the next."""
        broker = await self.make_broker()
        consumer = broker.consumer(QUEUE)
        await self.soon(consumer.open())
        await self.soon(consumer.close())
        await self.fill(broker, b"x")
        self.assertEqual([b"x"], await self.payloads(broker, 1, QUEUE))

    async def test_depth(self) -> None:
        """The depth tells what waits, is in hand, is delayed, is dead."""
        broker = await self.make_broker()
        consumer = await self.open(broker)
        await self.fill(broker, b"1", b"2", b"3", b"4")
        await self.soon(broker.publish([Post(QUEUE, b"later", delay=60_000)]))
        first, _ = await self.take(consumer, 2)
        first.stage(Post(f"!{QUEUE}", b"1", (b"reason", b"permanent")))
        await self.settle(consumer, first)
        self.assertEqual((2, 1, 1, 1), tuple(await self.soon(broker.depth(QUEUE))))
        self.assertEqual((0, 0, 0, 0), tuple(await self.soon(broker.depth("no.inbound"))))

    async def test_max_depth(self) -> None:
        """A publisher is refused what would make the queue too long, and none of it is stored."""
        broker = await self.make_broker()
        await self.soon(broker.publish([Post(QUEUE, b"1"), Post(QUEUE, b"2")], max_depth=3))
        over = [Post(QUEUE, b"3"), Post(QUEUE, b"4")]
        await self.assert_fails(broker.publish(over, max_depth=3), QueueFull)
        await self.soon(broker.publish([Post(QUEUE, b"5")], max_depth=3))
        await self.assert_fails(broker.publish([Post(QUEUE, b"6")], max_depth=3), QueueFull)
        await self.soon(broker.publish([Post(QUEUE, b"7")]))
        self.assertEqual([b"1", b"2", b"5", b"7"], await self.payloads(broker, 4, QUEUE))
        await self.soon(broker.publish([Post(QUEUE, b"8")], max_depth=1))

    async def test_partitions(self) -> None:
        """A message and a key lie in one partition; the depth is that of all of them."""
        broker = await self.make_broker(partitions=2)
        await self.soon(broker.publish([Post(QUEUE, b"one")], partition=1))
        await self.assert_quiet(await self.open(broker))
        await self.assert_waiting(broker, 1, QUEUE)
        consumer = await self.open(broker, partition=1)
        taken = await self.take_one(consumer)
        self.assertEqual((b"one", 1), (taken.payload, taken.partition))
        taken.stage(Post(OTHER, b"here"))
        taken.store.set("key", "here")
        self.assertEqual([Settled.WON], await self.settle(consumer, taken))
        self.assertEqual(b"here", await Store(broker.reader(1)).get("key"))
        self.assertIsNone(await Store(broker.reader(0)).get("key"))
        await self.take_one(await self.open(broker, OTHER, partition=1))

    async def test_stopped(self) -> None:
        """A broker that has stopped takes nothing more from publishers, and says so."""
        broker = await self.make_broker()
        self.assertTrue(broker.available)
        self.assertIsNone(broker.problem)
        await self.fill(broker, b"x")
        await self.soon(broker.stop())
        self.assertFalse(broker.available)
        self.assertTrue(broker.problem)
        for queue in (QUEUE, OTHER):
            await self.assert_fails(broker.publish([Post(queue, b"y")]), BrokerUnavailable)

    async def test_worker_ids(self) -> None:
        """Every process has an id of its own."""
        first, second = await self.make_broker(), await self.make_broker()
        self.assertNotEqual(first.worker_id, second.worker_id)
        self.assertEqual(first.namespace, second.namespace)
