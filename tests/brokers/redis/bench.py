"""What the tests of the Redis broker stand on: brokers of one namespace, and their server."""

from __future__ import annotations

import os
import signal
from collections.abc import Awaitable, Callable
from typing import Any

from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from pipeline.brokers.embedded import EmbeddedServer
from pipeline.brokers.redis.address import Address
from pipeline.brokers.redis.broker import RedisBroker
from pipeline.brokers.redis.client import Client
from pipeline.brokers.redis.wire import Wire
from pipeline.delivery import Delivery, Post
from pipeline.testing.server import own_server, shared_server, unique_namespace

__all__ = ["OTHER", "QUEUE", "RedisBench", "RedisCase"]

QUEUE, OTHER = "work.inbound", "other.outbound"
_FLUSH = "for _, k in ipairs(redis.call('KEYS', ARGV[1])) do redis.call('DEL', k) end"


class RedisBench:
    """Brokers of one namespace; also the hooks of the contract."""

    DEAD_AFTER = 0.5
    BEAT_EVERY = 0.1
    #: True for tests that change a server's settings, or hurt it.
    OWN_SERVER = False
    addCleanup: Callable[..., Any]

    def setUp(self) -> None:
        from twisted.internet import reactor

        self.reactor: Any = reactor
        self.namespace = unique_namespace()
        self.brokers: list[RedisBroker] = []
        self.offset = 0
        self.server = self.make_server() if self.OWN_SERVER else None
        self.address: Address = self.server.address if self.server else shared_server()

    def make_server(self, **options: Any) -> EmbeddedServer:
        """Start a server that this test may hurt."""
        server = own_server(**options)
        self.addCleanup(server.stop_now)
        return server

    def tell(self, *words: str | bytes | int) -> Any:
        """Give the server an order, blocking."""
        wire = Wire(self.address)
        try:
            return wire.call(*words)
        finally:
            wire.close()

    def broker(self, **options: Any) -> RedisBroker:
        """Make a broker that is not started yet, and is stopped when the test ends."""
        options.setdefault("dead_after", self.DEAD_AFTER)
        options.setdefault("beat_every", self.BEAT_EVERY)
        options.setdefault("namespace", self.namespace)
        address = options.pop("address", self.address)
        broker = RedisBroker(address, self.reactor, **options)
        broker.time_offset_ms = self.offset
        self.brokers.append(broker)
        self.addCleanup(broker.stop)
        return broker

    async def make_broker(self, **options: Any) -> RedisBroker:
        """See the contract."""
        broker = self.broker(**options)
        await broker.start()
        return broker

    async def elapse(self, seconds: float) -> None:
        """See the contract."""
        self.offset += round(seconds * 1000)
        for broker in self.brokers:
            broker.time_offset_ms = self.offset

    async def kill(self, broker: Any) -> None:
        """See the contract."""
        broker._heart.stop()
        broker._mover.stop()
        broker._recoverer.stop()

    async def flush(self) -> None:
        """See the contract."""
        self.tell("EVAL", _FLUSH, 0, f"{{{self.namespace}:*")

    def limit(self) -> None:
        """Let this test's own server refuse what needs more memory."""
        assert self.OWN_SERVER
        self.tell("CONFIG", "SET", "maxmemory", "100kb")

    def unlimit(self) -> None:
        """Let it accept all again."""
        self.tell("CONFIG", "SET", "maxmemory", "0")

    def freeze(self) -> None:
        """Let this test's own server answer nobody, until :meth:`thaw` or the end."""
        assert self.server is not None
        pid = self.server.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        self.addCleanup(_wake, pid)

    def thaw(self) -> None:
        """Let it answer again."""
        assert self.server is not None
        assert self.server.pid is not None
        os.kill(self.server.pid, signal.SIGCONT)


class RedisCase(RedisBench, TestCase):
    """A test of what stands behind the broker."""

    timeout = 60

    def setUp(self) -> None:
        super().setUp()
        self.addCleanup(lambda: None)

    async def client(self, address: Address | None = None) -> Client:
        """A connected client."""
        client = Client(address or self.address, self.reactor)
        self.addCleanup(client.stop)
        await client.start()
        return client

    async def pause(self, seconds: float = 0.01) -> None:
        """Let a little real time pass, between two looks."""
        await deferLater(self.reactor, seconds)

    async def until(self, ask: Callable[[], Any], seconds: float = 10.0) -> Any:
        """The first true answer, which may be awaitable; fails when there is none in time."""
        end = self.reactor.seconds() + seconds
        while True:
            answer = ask()
            if isinstance(answer, Awaitable):
                answer = await answer
            if answer:
                return answer
            if self.reactor.seconds() > end:
                raise self.failureException(f"it did not happen in {seconds} s")
            await self.pause()

    async def soon(self, waiting: Any, seconds: float = 10.0) -> Any:
        """What a Deferred brings, in time."""
        return await waiting.addTimeout(seconds, self.reactor)

    async def open(self, broker: RedisBroker, queue: str = QUEUE, **options: Any) -> Any:
        """An open consumer, whose connection is closed when the test ends."""
        consumer = broker.consumer(queue, **options)
        await consumer.open()
        self.addCleanup(consumer._reader.stop)
        return consumer

    async def fill(self, broker: RedisBroker, *payloads: bytes, queue: str = QUEUE) -> None:
        """Publish messages with nothing but a payload."""
        await self.soon(broker.publish([Post(queue, payload) for payload in payloads]))

    async def take(self, consumer: Any, count: int) -> list[Delivery]:
        """Take until there are ``count``."""
        taken: list[Delivery] = []
        while len(taken) < count:
            taken += await self.soon(consumer.take(count - len(taken)))
        return taken

    def length(self, queue: str = QUEUE, partition: int = 0) -> int:
        """How many entries a queue's stream has."""
        return int(self.tell("XLEN", f"{{{self.namespace}:{partition}}}:q:{queue}"))

    def stored(self, queue: str = QUEUE) -> list[bytes]:
        """The payloads in a queue's stream, in order."""
        entries = self.tell("XRANGE", f"{{{self.namespace}:0}}:q:{queue}", "-", "+")
        return [dict(zip(v[::2], v[1::2], strict=True))[b"m"] for _, v in entries]

    async def dead(self, broker: RedisBroker, queue: str = QUEUE) -> list[Any]:
        """A queue's dead letters, once there are any."""
        return await self.until(lambda: broker.dead(queue))  # type: ignore[no-any-return]


def _wake(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGCONT)
    except ProcessLookupError:
        return
