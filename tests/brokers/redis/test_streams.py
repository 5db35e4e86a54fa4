"""Reading loses no reply, ends when it is told to, and hands back what it has."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred

from pipeline.brokers.redis import link, streams
from pipeline.brokers.redis.layout import GROUP
from pipeline.delivery import Post, Settled
from pipeline.errors import BrokerUnavailable, ServerRefused
from tests.brokers.redis.bench import QUEUE, RedisCase


class StreamCase(RedisCase):
    def stream(self, queue: str = QUEUE) -> str:
        return f"{{{self.namespace}:0}}:q:{queue}"

    def consumers(self) -> list[bytes]:
        """The names of the group's consumers."""
        flat = self.tell("XINFO", "CONSUMERS", self.stream(), GROUP)
        return [dict(zip(c[::2], c[1::2], strict=True))[b"name"] for c in flat]

    def pending(self) -> int:
        return int(self.tell("XPENDING", self.stream(), GROUP)[0])


class LostReplies(StreamCase):
    async def test_killed_reader(self) -> None:
        """Though its connection is killed 120 times as messages arrive, each comes once, soon."""
        self.patch(link, "LONGEST_PAUSE", 0.02)
        broker = await self.make_broker()
        consumer = await self.open(broker)
        got: list[bytes] = []
        reading = self.read_all(consumer, got, 1200)
        for n in range(120):
            sent = [broker.publish([Post(QUEUE, b"%d" % (10 * n + i))]) for i in range(10)]
            if consumer._reader.client_id is not None:
                killing = broker.client.execute("CLIENT", "KILL", "ID", consumer._reader.client_id)
                await self.soon(killing)
            for each in sent:
                await self.soon(each)
            await self.until(lambda: consumer._reader.connected)
        await self.soon(reading, 15)
        self.assertEqual(1200, len(got))
        self.assertEqual({b"%d" % n for n in range(1200)}, set(got))

    def read_all(self, consumer: Any, got: list[bytes], count: int) -> Deferred[None]:
        async def read() -> None:
            while len(got) < count:
                taken = await consumer.take(50)
                got.extend(delivery.payload for delivery in taken)
                self.assertEqual({Settled.WON}, set(await consumer.settle(taken)))

        return Deferred.fromCoroutine(read())

    async def test_group_lost(self) -> None:
        """A blocked take survives the loss of its queue, and reads the next one from its start."""
        broker = await self.make_broker()
        consumer = await self.open(broker)
        taking = consumer.take(10)
        await self.pause(0.05)
        self.tell("DEL", self.stream())
        await self.fill(broker, b"new")
        self.assertEqual([b"new"], [d.payload for d in await self.soon(taking)])

    async def test_group_from_the_start(self) -> None:
        """A group that is made late has what came before it."""
        self.tell("XADD", self.stream(), "*", "m", "early")
        broker = await self.make_broker()
        [taken] = await self.take(await self.open(broker), 1)
        self.assertEqual(b"early", taken.payload)

    async def test_token_survives(self) -> None:
        """The token of a queue is the same for all who open it, as long as it lives."""
        one, two = [await self.open(await self.make_broker()) for _ in range(2)]
        self.assertEqual(one.token, two.token)
        await self.flush()
        three = await self.open(await self.make_broker())
        self.assertNotEqual(one.token, three.token)


class Interrupting(StreamCase):
    async def test_at_once(self) -> None:
        """To interrupt right after a take has begun ends it promptly, 200 times."""
        consumer = await self.open(await self.make_broker())
        since = self.reactor.seconds()
        for _ in range(200):
            taking = consumer.take(10)
            await self.soon(consumer.interrupt(), 2.0)
            self.assertEqual([], self.successResultOf(taking))
        self.assertLess(self.reactor.seconds() - since, 8.0)

    async def test_from_a_result(self) -> None:
        """Who is told of a result may take again and interrupt that at once, 50 times."""
        broker = await self.make_broker()
        consumer = await self.open(broker)
        for _ in range(50):
            await self.fill(broker, b"x")
            interrupted: list[Any] = []

            def again(taken: Any, interrupted: list[Any] = interrupted) -> Any:
                interrupted += [consumer.take(10), consumer.interrupt()]
                return taken

            taken = await consumer.take(1).addCallback(again)
            await self.soon(interrupted[1], 1.0)
            self.assertEqual([], self.successResultOf(interrupted[0]))
            await consumer.settle(taken)

    async def test_while_messages_arrive(self) -> None:
        """Interrupting as messages arrive loses none, 300 times."""
        broker = await self.make_broker()
        consumer = await self.open(broker)
        got: list[bytes] = []
        for n in range(300):
            taking = consumer.take(10)
            sending = broker.publish([Post(QUEUE, b"%d" % n)])
            if n % 3:
                await sending
            await self.soon(consumer.interrupt())
            got += [d.payload for d in await self.soon(taking)]
            await self.soon(sending)
        got += [d.payload for d in await self.take(consumer, 300 - len(got))]
        self.assertEqual([b"%d" % n for n in range(300)], got)
        self.assertEqual(300, self.pending())

    async def test_cancel(self) -> None:
        """A take that is cancelled is over; what it would have brought comes with the next."""
        broker = await self.make_broker()
        consumer = await self.open(broker)
        taking = consumer.take(10)
        await self.pause(0.05)
        taking.cancel()
        self.failureResultOf(taking, CancelledError)
        await self.fill(broker, b"x")
        [taken] = await self.take(consumer, 1)
        self.assertEqual(b"x", taken.payload)

    async def test_stopped(self) -> None:
        """A take of a broker that has stopped fails, and so does settling: neither hangs."""
        broker = await self.make_broker()
        consumer = await self.open(broker)
        await self.fill(broker, b"x")
        taken = await self.take(consumer, 1)
        await broker.stop()
        for late in (consumer.take(1), consumer.settle(taken), consumer.open()):
            await self.assertFailure(self.soon_failing(late), BrokerUnavailable)

    def soon_failing(self, late: Deferred[Any]) -> Deferred[Any]:
        return late.addTimeout(5, self.reactor)

    async def test_wrong_type(self) -> None:
        """A queue that is no stream can't be opened, and says so."""
        self.tell("SET", self.stream(), "x")
        consumer = (await self.make_broker()).consumer(QUEUE)
        with self.assertRaises(ServerRefused):
            await self.soon(consumer.open())


class Leaving(StreamCase):
    async def test_hand_back_soon(self) -> None:
        """What is handed back reaches one who waits within some milliseconds."""
        broker, other = await self.make_broker(), await self.make_broker()
        consumer, heir = await self.open(broker), await self.open(other)
        await self.fill(broker, b"x")
        taken = await self.take(consumer, 1)
        waiting = heir.take(1)
        await self.pause(0.05)
        since = self.reactor.seconds()
        await self.soon(consumer.hand_back(taken))
        await self.soon(waiting)
        self.assertLess(self.reactor.seconds() - since, 0.5)

    async def test_open(self) -> None:
        """Who reads a queue is seen there before anything has come."""
        broker = await self.make_broker()
        await self.open(broker)
        self.assertEqual([broker.worker_id.encode()], self.consumers())

    async def test_close(self) -> None:
        """A consumer that is closed leaves nothing behind."""
        broker = await self.make_broker()
        consumer = await self.open(broker)
        await self.fill(broker, b"x")
        await self.soon(consumer.settle(await self.take(consumer, 1)))
        self.assertEqual([broker.worker_id.encode()], self.consumers())
        taking = consumer.take(1)
        await self.soon(consumer.close())
        self.assertEqual([], self.successResultOf(taking))
        self.assertEqual([], self.consumers())

    async def test_close_hands_back(self) -> None:
        """Closing hands back what a lost reply has left pending, and drops nothing."""
        broker = await self.make_broker()
        consumer = await self.open(broker)
        await self.fill(broker, b"x")
        self.tell(*("XREADGROUP", "GROUP", GROUP, broker.worker_id, "STREAMS", self.stream(), ">"))
        await self.soon(consumer.close())
        self.assertEqual(([], 0), (self.consumers(), self.pending()))
        self.assertEqual([b"x"], self.stored())

    async def test_close_with_something_in_hand(self) -> None:
        """A consumer can't be closed while something is in hand."""
        broker = await self.make_broker()
        consumer = await self.open(broker)
        await self.fill(broker, b"x")
        await self.take(consumer, 1)
        await self.assertFailure(consumer.close(), RuntimeError)
        self.assertEqual(1, self.pending())

    async def test_forget_keeps_pending(self) -> None:
        """A consumer that still holds something is not taken out of its group."""
        broker = await self.make_broker()
        consumer = await self.open(broker)
        await self.fill(broker, b"x")
        await self.take(consumer, 1)
        self.assertFalse(await consumer.membership.forget(broker.worker_id.encode()))
        self.assertEqual(1, self.pending())


class ServerAway(StreamCase):
    OWN_SERVER = True

    async def test_close_in_time(self) -> None:
        """Closing ends within 5 s though the server answers nothing."""
        consumer = await self.open(await self.make_broker())
        taking = consumer.take(1)
        await self.pause(0.05)
        self.freeze()
        since = self.reactor.seconds()
        await self.soon(consumer.close(), 6.0)
        self.assertLess(self.reactor.seconds() - since, 5.5)
        self.assertEqual([], self.successResultOf(taking))

    async def test_interrupt_in_time(self) -> None:
        """A take ends soon after it was interrupted though the server answers nothing."""
        broker = await self.make_broker()
        consumer = await self.open(broker)
        taking = consumer.take(1)
        await self.pause(0.05)
        self.freeze()
        await self.soon(consumer.interrupt(), 4.0)
        self.assertEqual([], self.successResultOf(taking))
        self.thaw()
        await self.fill(broker, b"x")
        [taken] = await self.take(consumer, 1)
        self.assertEqual(b"x", taken.payload)

    async def test_silence(self) -> None:
        """It is known since when a read has no answer: with a server that answers, not for long."""
        self.patch(streams, "BLOCK", 0.05)
        consumer = await self.open(await self.make_broker())
        taking = consumer.take(1)
        began = consumer.waiting_since
        await self.until(lambda: consumer.waiting_since != began)
        self.freeze()
        await self.pause(0.2)
        since = consumer.waiting_since
        await self.pause(0.2)
        self.assertEqual(since, consumer.waiting_since)
        self.thaw()
        await self.until(lambda: consumer.waiting_since != since)
        await self.soon(consumer.interrupt())
        self.assertEqual([], self.successResultOf(taking))

    async def test_restart(self) -> None:
        """A take goes on when the server is back, though it lost all."""
        assert self.server is not None
        broker = await self.make_broker()
        consumer = await self.open(broker)
        taking = consumer.take(1)
        self.server.kill_now()
        self.server.start_now()
        await self.fill(broker, b"x")
        self.assertEqual([b"x"], [d.payload for d in await self.soon(taking)])

    async def test_interrupt_while_away(self) -> None:
        """A take that waits for the server can be interrupted."""
        assert self.server is not None
        consumer = await self.open(await self.make_broker())
        taking = consumer.take(1)
        self.server.kill_now()
        await self.until(lambda: not consumer._reader.connected)
        await self.soon(consumer.interrupt(), 2.0)
        self.assertEqual([], self.successResultOf(taking))
