"""The transport as a whole."""

from __future__ import annotations

import os
import signal
from typing import Any

from twisted.internet.task import Clock

from pipeline.brokers.memory import MemoryBroker
from pipeline.errors import ConfigError
from pipeline.message import UserMessage
from pipeline.middleware.base import BaseMiddleware
from pipeline.transports.redis import RedisTransport
from pipeline.worker import Runtime
from tests.brokers.redis.proxy import Proxy
from tests.quick import SKIP
from tests.transports.redis.places import PlaceCase, Stranger, as_json


class Both(PlaceCase):
    """Reading, writing, and answers."""

    async def test_request_and_reply(self) -> None:
        """A producer of any language gets the answer to its own request, by its own id."""
        results = f"{self.place}-results"
        await self.start(
            read={
                "stream": self.place,
                "fields": {
                    "content": "article",
                    "from_addr": "customer",
                    "transport_metadata.order_id": "order_id",
                },
            },
            write={
                "stream": results,
                "fields": {
                    "text": "content",
                    "order_id": "transport_metadata.order_id",
                    "in_reply_to": "in_reply_to",
                },
            },
        )
        stranger = Stranger(self.address)
        self.addCleanup(stranger.close)
        stranger.call(
            "XADD", self.place, "*", "article", "tea", "customer", "ann", "order_id", "17"
        )
        [order] = await self.messages(1)
        broker = await self.look()
        reply = order.reply("ordered")
        await self.fill(broker, self.codec.encode(reply), queue="orders.outbound")
        [ack] = await self.messages(1, "orders.event")
        [[id, flat]] = stranger.call("XRANGE", results, "-", "+")
        self.assertEqual(id.decode(), ack.sent_message_id)
        expected = [b"text", b"ordered", b"order_id", b"17", b"in_reply_to"]
        self.assertEqual([*expected, order.message_id.encode()], flat)

    async def test_no_sink(self) -> None:
        """Without ``write`` what is sent gets a nack."""
        await self.start(read={"stream": self.place})
        [sent] = await self.send("hi")
        [nack] = await self.messages(1, "orders.event")
        self.assertEqual(("nack", sent.message_id), (nack.event_type, nack.user_message_id))
        self.assertIn("no `write`", nack.nack_reason)

    async def test_given_up(self) -> None:
        """A message that can't be written for good is a dead letter, and gets a nack."""
        self.tell("SET", self.place, "x")
        await self.start(write={"list": self.place}, retry={"attempts": 2, "base": 0.05})
        [sent] = await self.send("hi")
        [nack] = await self.messages(1, "orders.event")
        self.assertEqual(sent.message_id, nack.user_message_id)
        self.assertIn("WRONGTYPE", nack.nack_reason)
        [letter] = await self.letters(queue="orders.outbound")
        self.assertEqual(b"exhausted", letter["reason"])
        self.flushLoggedErrors()

    async def test_partitions(self) -> None:
        """A copy is found though messages have no address: it lies in its id's partition."""
        broker = await self.make_broker(partitions=4)
        runtime = Runtime(broker, self.codec, self.reactor, self.namespace)
        options = {"transport_name": "orders", "read": {"stream": self.place}}
        transport = RedisTransport("orders", options, runtime)
        await transport.start_worker()
        self.addCleanup(lambda: transport.stop_worker(1))
        self.add(*({"content": str(n)} for n in range(20)))

        async def all_there() -> bool:
            return (await broker.depth("orders.inbound")).waiting == 20

        await self.until(all_there)
        self.tell("XGROUP", "SETID", self.place, f"{self.namespace}.orders", "0")
        await self.until(lambda: transport.statistics.counts["read"] == 40)
        await self.settled()
        self.assertTrue(await all_there())


class Refusing(BaseMiddleware):
    """Fails for some messages."""

    def handle_inbound(self, message: UserMessage, connector_name: str) -> Any:
        if message.content == "bad":
            raise ValueError("I never take this")
        return message


class Middleware(PlaceCase):
    """What the middleware does to what is read."""

    async def test_an_error(self) -> None:
        """What middleware fails for is tried as often as the retries say, then dead-lettered as it
        came; the others go on."""
        middleware = [{"refusing": f"{__name__}.Refusing"}]
        await self.start(
            read={"list": self.place},
            middleware=middleware,
            retry={"attempts": 2, "base": 0.05},
        )
        raw = as_json(content="bad")
        self.tell("RPUSH", self.place, raw, as_json(content="good"))
        self.assertEqual("good", (await self.messages(1))[0].content)
        [letter] = await self.letters()
        known = (letter["reason"], letter["payload"], letter["attempts"])
        self.assertEqual((b"exhausted", raw.encode(), b"2"), known)
        self.assertIn(b"I never take this", letter["traceback"])
        self.flushLoggedErrors()


class Network(PlaceCase):
    """The way to the other server."""

    async def through_proxy(self, **options: Any) -> tuple[Proxy, RedisTransport]:
        proxy = Proxy(self.address, self.reactor)
        await proxy.start()
        self.addCleanup(proxy.stop)
        read = {"claim_after": 1, **options}
        transport = await self.start(url=f"unix://{proxy.address.path}", read=read)
        return proxy, transport

    async def cut(self, proxy: Proxy, marks: tuple[bytes, ...], **options: Any) -> None:
        """Lose replies of each kind in the middle of the work."""
        for n in range(60):
            if n % 6 == 0:
                proxy.lose(1, marks[n // 6 % len(marks)])
            if "stream" in options:
                self.add({"content": str(n)})
            else:
                self.tell("RPUSH", self.place, as_json(content=str(n)))
            await self.pause(0.02)

    async def test_stream(self) -> None:
        """Replies of every command are lost: each entry is one message, in the end."""
        proxy, transport = await self.through_proxy(stream=self.place)
        await self.cut(proxy, (b"XREADGROUP", b"XACK", b"XAUTOCLAIM"), stream=1)
        got = await self.messages(60)
        self.assertEqual(sorted(map(str, range(60))), sorted(m.content for m in got))
        await self.settled()
        self.assertEqual(0, await self.waiting())
        self.assertGreater(proxy.lost, 2)
        self.assertGreaterEqual(transport.statistics.counts["published"], 60)

    async def test_list(self) -> None:
        """Replies of every command are lost: each item is one message, in the end."""
        proxy, _ = await self.through_proxy(list=self.place)
        await self.cut(proxy, (b"BLMOVE", b"EVALSHA"))
        got = await self.messages(60)
        self.assertEqual(sorted(map(str, range(60))), sorted(m.content for m in got))
        self.assertEqual(0, await self.waiting())
        self.assertGreater(proxy.lost, 2)

    async def test_starts_without(self) -> None:
        """The other server may be away at the start, and come later; a status says so."""
        server = self.make_server()
        server.kill_now()
        url = f"unix://{server.address.path}"
        await self.start(url=url, read={"stream": self.place}, publish_status=True)
        [status] = await self.messages(1, "orders.status")
        self.assertEqual("down", status.status)
        self.assertIn("no connection", status.message)
        server.start_now()
        stranger = Stranger(server.address)
        self.addCleanup(stranger.close)
        stranger.call("XADD", self.place, "*", "content", "late")
        self.assertEqual("late", (await self.messages(1))[0].content)

    async def test_stops_without(self) -> None:
        """It stops while the other server is away."""
        server = self.make_server()
        url = f"unix://{server.address.path}"
        transport = await self.start(url=url, read={"list": self.place})
        server.kill_now()
        await self.pause(0.2)
        began = self.reactor.seconds()
        await transport.stop_worker(20)
        self.assertLess(self.reactor.seconds() - began, 10)


class Frozen(PlaceCase):
    """A server that answers nobody."""

    OWN_SERVER = False
    skip = SKIP

    async def test_frozen(self) -> None:
        """A server behind a dead network is given up, and read again when it is back."""
        server = self.make_server()
        transport = await self.start(
            url=f"unix://{server.address.path}", read={"stream": self.place}
        )
        stranger = Stranger(server.address)
        self.addCleanup(stranger.close)
        stranger.call("XADD", self.place, "*", "content", "one")
        await self.stored(1)
        source: Any = transport._source
        assert server.pid is not None
        os.kill(server.pid, signal.SIGSTOP)
        try:
            await self.until(lambda: not source._reader.connected, 40)
        finally:
            os.kill(server.pid, signal.SIGCONT)
        stranger.call("XADD", self.place, "*", "content", "two")
        self.assertEqual(["one", "two"], [m.content for m in await self.messages(2)])


class InMemory(PlaceCase):
    """A system without a Redis of its own."""

    async def test_in_memory(self) -> None:
        """It reads a foreign server all the same; what is no message is a dead letter in memory."""
        broker = MemoryBroker(self.reactor)
        await broker.start()
        self.addCleanup(broker.stop)
        options = {
            "transport_name": "orders",
            "url": f"unix://{self.address.path}",
            "read": {"stream": self.place, "fields": {"content": "text"}},
        }
        runtime = Runtime(broker, self.codec, self.reactor, self.namespace)
        transport = RedisTransport("orders", options, runtime)
        await transport.start_worker()
        self.addCleanup(lambda: transport.stop_worker(1))
        self.add({"text": "one"}, {"what": "no"})
        counts = transport.statistics.counts
        await self.until(lambda: counts["published"] and counts["malformed"])
        depth = await broker.depth("orders.inbound")
        self.assertEqual((1, 1), (depth.waiting, depth.dead))
        await self.settled()


class Options(PlaceCase):
    """What is refused."""

    def test_no_server(self) -> None:
        """A system without a Redis needs a URL, and says so."""
        clock = Clock()
        broker = MemoryBroker(clock)
        broker.start()
        options = {"transport_name": "o", "read": {"stream": "x"}}
        made = RedisTransport("orders", options, Runtime(broker, self.codec, clock, "x"))
        failure = self.failureResultOf(made.start_worker(), ConfigError)
        self.assertIn("`url` is needed", str(failure.value))
