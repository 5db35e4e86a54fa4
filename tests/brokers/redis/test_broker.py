"""The broker on Redis keeps the contract, and what is its own."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import TestCase
from zope.interface.verify import verifyObject

from pipeline.delivery import Post, Settled
from pipeline.errors import BrokerUnavailable, ServerRefused
from pipeline.interfaces import IBroker, IConsumer, IReader
from pipeline.signals import connection_lost, connection_made
from pipeline.store import Store
from pipeline.testing.contracts import BrokerContract
from tests.brokers.redis.bench import OTHER, QUEUE, RedisBench, RedisCase


class RedisContract(RedisBench, BrokerContract, TestCase):
    """What every broker promises."""

    @property
    def OWN_SERVER(self) -> bool:  # type: ignore[override]
        return "memory" in self._testMethodName

    async def limit_memory(self) -> bool:
        self.limit()
        return True


class Interfaces(RedisCase):
    async def test_interfaces(self) -> None:
        """Broker, consumer and reader are what the interfaces say."""
        broker: Any = self.broker()
        verifyObject(IBroker, broker)
        verifyObject(IConsumer, broker.consumer(QUEUE))
        verifyObject(IReader, broker.reader())


class Starting(RedisCase):
    OWN_SERVER = True

    async def test_evicting_server(self) -> None:
        """A server that would throw messages away is refused, and the text says what to do."""
        self.tell("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
        broker = self.broker()
        with self.assertRaises(ServerRefused) as caught:
            await broker.start()
        self.assertIn("CONFIG SET maxmemory-policy noeviction", str(caught.exception))
        self.assertFalse(broker.available)

    async def test_server_comes_late(self) -> None:
        """Starting waits for the server, and says why meanwhile."""
        assert self.server is not None
        self.server.kill_now()
        broker = self.broker()
        starting = broker.start()
        await self.until(lambda: broker.client.problem)
        self.assertTrue(broker.problem)
        self.assertFalse(starting.called)
        self.server.start_now()
        await self.soon(starting)
        self.assertIsNone(broker.problem)

    async def test_stop_while_starting(self) -> None:
        """A broker that has never reached its server stops at once; its start fails."""
        assert self.server is not None
        self.server.kill_now()
        broker = self.broker()
        starting = broker.start()
        publishing = broker.publish([Post(QUEUE, b"x")])
        await self.pause(0.02)
        await self.soon(broker.stop(), 5.0)
        self.failureResultOf(starting, BrokerUnavailable)
        self.failureResultOf(publishing, BrokerUnavailable)

    async def test_stop_while_opening(self) -> None:
        """A consumer that is being opened when the broker stops fails, and doesn't hang."""
        assert self.server is not None
        broker = await self.make_broker()
        self.server.kill_now()
        await self.until(lambda: not broker.available)
        opening = broker.consumer(QUEUE, instance=True).open()
        await self.soon(broker.stop(), 5.0)
        self.failureResultOf(opening, BrokerUnavailable)

    async def test_stop_twice(self) -> None:
        """To stop twice is no error, nor to stop what never started."""
        broker = await self.make_broker()
        await broker.stop()
        await broker.stop()
        await self.broker().stop()


class Telling(RedisCase):
    """Who listens is told of the connection; a listener that fails spoils nothing."""

    OWN_SERVER = True

    async def test_told(self) -> None:
        """Made, lost with the reason, made again, closed: each once."""
        assert self.server is not None
        told: list[str] = []

        def hear(signal: Any, sender: Any, reason: str = "", **named: Any) -> None:
            told.append("made" if signal is connection_made else f"lost: {reason}")
            raise KeyError("listener")

        broker = self.broker()
        for signal in (connection_made, connection_lost):
            signal.connect(hear, sender=broker)
        await self.soon(broker.start())
        self.server.kill_now()
        await self.until(lambda: len(told) == 2)
        self.server.start_now()
        await self.until(lambda: broker.available)
        await self.soon(broker.stop())
        await self.soon(broker.stop())
        self.assertEqual(["made", "made"], told[::2])
        self.assertEqual((4, "lost: the broker has been stopped"), (len(told), told[3]))
        self.assertIn("lost: ", told[1])
        self.assertEqual(4, len(self.flushLoggedErrors(KeyError)))


class Partitions(RedisCase):
    async def test_apart(self) -> None:
        """Each of four partitions has its own queue, dead letters and store."""
        broker = await self.make_broker(partitions=4)
        consumers = [await self.open(broker, partition=n) for n in range(4)]
        for n in range(4):
            posts = [Post(QUEUE, b"%d" % n), Post(QUEUE, b"later", delay=60_000)]
            await self.soon(broker.publish(posts, partition=n))
        self.assertEqual((4, 0, 4, 0), tuple(await broker.depth(QUEUE)))
        for n, consumer in enumerate(consumers):
            [job] = await self.take(consumer, 1)
            self.assertEqual((b"%d" % n, n), (job.payload, job.partition))
            job.store.set("k", job.payload)
            job.stage(Post(f"!{QUEUE}", job.payload, (b"reason", b"permanent")))
            self.assertEqual([Settled.WON], await consumer.settle([job]))
            [letter] = await broker.dead(QUEUE, partition=n)
            self.assertEqual(b"%d" % n, letter.fields["payload"])
            self.assertEqual(b"%d" % n, await Store(broker.reader(n)).get("k"))
        await self.elapse(61)
        for consumer in consumers:
            self.assertEqual(b"later", (await self.take(consumer, 1))[0].payload)

    async def test_death_in_each(self) -> None:
        """What a dead worker held is taken over in every partition."""
        victim = await self.make_broker(partitions=4)
        for n in range(4):
            await self.soon(victim.publish([Post(QUEUE, b"%d" % n)], partition=n))
            await self.take(await self.open(victim, partition=n), 1)
        heir = await self.make_broker(partitions=4)
        consumers = [await self.open(heir, partition=n) for n in range(4)]
        await self.kill(victim)
        for n, consumer in enumerate(consumers):
            self.assertEqual(b"%d" % n, (await self.take(consumer, 1))[0].payload)

    async def test_slots(self) -> None:
        """All keys of a partition are in one slot of a cluster."""
        broker = await self.make_broker(partitions=4)
        for n in range(4):
            await self.open(broker, partition=n)
            await self.soon(broker.publish([Post(QUEUE, b"x")], partition=n))
        tags = {key[: key.index(b"}")] for key in self.tell("KEYS", f"{{{self.namespace}:*")}
        self.assertEqual(4, len(tags))


class Members(RedisCase):
    async def test_members(self) -> None:
        """Those that read one queue of one partition are known until they close."""
        broker = await self.make_broker(partitions=2)
        first, second = [await self.open(broker) for _ in range(2)]
        await self.open(broker, OTHER)
        layout, apart = broker.layouts
        expected = [first.membership, second.membership]
        self.assertEqual(expected, broker.members(layout, QUEUE))
        self.assertEqual([], broker.members(apart, QUEUE))
        await self.soon(first.close())
        await self.soon(first.close())
        self.assertEqual([second.membership], broker.members(layout, QUEUE))
        await self.soon(second.close())
        self.assertEqual([], broker.members(layout, QUEUE))


class LookingIn(RedisCase):
    async def test_wrong_type_named(self) -> None:
        """A queue whose key is something else is refused with the key's name."""
        broker = await self.make_broker()
        key = f"{{{self.namespace}:0}}:q:{QUEUE}"
        self.tell("SET", key, "x")
        with self.assertRaises(ServerRefused) as caught:
            await broker.consumer(QUEUE).open()
        self.assertIn(key, str(caught.exception))

    async def test_wrong_type(self) -> None:
        """The depth of what is no queue is an error that says so."""
        broker = await self.make_broker()
        self.tell("SET", f"{{{self.namespace}:0}}:q:{QUEUE}", "x")
        with self.assertRaises(ServerRefused):
            await broker.depth(QUEUE)
