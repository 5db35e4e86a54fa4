"""A lane for each queue, no more than needed, and an end in time."""

from __future__ import annotations

import gc
from typing import Any

from twisted.internet.defer import gatherResults

from pipeline.brokers.redis import producer
from pipeline.brokers.redis.layout import Layout
from pipeline.brokers.redis.producer import Producer
from pipeline.delivery import Post
from pipeline.errors import BrokerUnavailable
from tests.brokers.redis.bench import QUEUE, RedisCase


class Lanes(RedisCase):
    async def test_bounded(self) -> None:
        """Ever new queues leave no lane behind each; a queue met again loses nothing."""
        self.patch(producer, "MOST_LANES", 10)
        broker = await self.make_broker()
        for n in range(60):
            await self.fill(broker, b"%d" % n, queue=f"q{n % 30}")
        self.assertLessEqual(len(broker._producer._lanes), 10)
        for n in range(30):
            self.assertEqual([b"%d" % n, b"%d" % (n + 30)], self.stored(f"q{n}"))

    async def test_one_queue(self) -> None:
        """Messages for several queues can't be one call."""
        broker = await self.make_broker()
        self.failureResultOf(broker.publish([Post("a", b"x"), Post("b", b"x")]), ValueError)
        self.successResultOf(broker.publish([]))

    async def test_before_start(self) -> None:
        """What is published before the start is sent when there is a connection."""
        broker = self.broker()
        publishing = broker.publish([Post(QUEUE, b"early")])
        self.assertNoResult(publishing)
        await broker.start()
        await self.soon(publishing)
        self.assertEqual([b"early"], self.stored())

    async def test_no_cycles(self) -> None:
        """What is stored leaves nothing behind that only the garbage collector finds."""
        client = (await self.make_broker()).client
        one = Producer(client, self.reactor, [Layout(self.namespace, 0)], "me", lambda: 0)
        gc.disable()
        self.addCleanup(gc.enable)
        found = []
        for count in (1, 101):
            gc.collect()
            for _ in range(count):
                await one.publish([Post(QUEUE, b"0")], 0, 0)
            found.append(gc.collect())
        self.assertLess(found[1] - found[0], 90)


class Ends(RedisCase):
    OWN_SERVER = True

    async def test_flushes(self) -> None:
        """To stop sends what waits to be sent."""
        broker = await self.make_broker()
        sent = [broker.publish([Post(QUEUE, b"%d" % n)]) for n in range(1000)]
        stopping = broker.stop()
        self.failureResultOf(broker.publish([Post("new", b"x")]), BrokerUnavailable)
        await self.soon(stopping)
        await self.soon(gatherResults(sent))
        self.assertEqual(1000, self.length())

    async def assert_fails_in_time(self, broker: Any) -> None:
        await self.pause(0.05)
        sent = [broker.publish([Post(QUEUE, b"x")]) for n in range(10)]
        since = self.reactor.seconds()
        await self.soon(broker.stop(), 6.0)
        self.assertLess(self.reactor.seconds() - since, 5.0)
        for each in sent:
            self.failureResultOf(each, BrokerUnavailable)

    async def test_server_away(self) -> None:
        """With the server away what is unsent fails, and stopping takes no longer than 5 s."""
        assert self.server is not None
        broker = await self.make_broker()
        await self.open(broker)
        self.server.kill_now()
        await self.assert_fails_in_time(broker)

    async def test_server_frozen(self) -> None:
        """The same when the server is there and answers nothing."""
        broker = await self.make_broker()
        consumer = await self.open(broker)
        taking = consumer.take(1)
        await self.fill(broker, b"x", queue="other")
        self.freeze()
        await self.assert_fails_in_time(broker)
        self.assertEqual([], await self.soon(taking))
