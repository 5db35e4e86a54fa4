"""What the tests of the Redis transport stand on: a transport over a real server, and strangers."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
from typing import Any

import hiredis
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread

from pipeline.brokers.redis.address import Address
from pipeline.brokers.redis.broker import RedisBroker
from pipeline.codec import Codec
from pipeline.message import UserMessage
from pipeline.transports.redis import RedisTransport
from pipeline.worker import Runtime
from tests.brokers.redis.bench import RedisCase

#: A client that isn't ours, where there is one.
CLI = shutil.which("redis-cli") or shutil.which("valkey-cli")
NO_CLI = None if CLI else "there is no redis-cli here (Debian: redis-tools)"


class PlaceCase(RedisCase):
    """Has a broker that looks on, and makes transports, each as in a process of its own."""

    def setUp(self) -> None:
        super().setUp()
        self.place = f"foreign-{self.namespace}"
        self.codec = Codec()

    async def look(self) -> RedisBroker:
        """The broker that looks on."""
        if not hasattr(self, "_looker"):
            self._looker = await self.make_broker()
        return self._looker

    async def start(self, name: str = "orders", **options: Any) -> RedisTransport:
        """Start a transport with a broker of its own; it is stopped when the test ends.

        :param options: ``read`` and ``write`` name the place ``stream`` unless told otherwise.
        """
        broker = await self.make_broker()
        runtime = Runtime(broker, self.codec, self.reactor, self.namespace)
        given = {"transport_name": name, "retry": {"jitter": 0, "base": 0.05}, **options}
        transport = RedisTransport(name, given, runtime)
        await transport.start_worker()
        self.addCleanup(lambda: transport.stop_worker(1))
        return transport

    async def reading(self, **options: Any) -> RedisTransport:
        """A transport that reads the stream."""
        return await self.start(read={"stream": self.place, "claim_after": 1, **options})

    async def messages(self, count: int, queue: str = "orders.inbound") -> list[Any]:
        """The next messages of a queue, settled."""
        broker = await self.look()
        consumer = await self.open(broker, queue)
        taken: list[Any] = []
        while len(taken) < count:
            some = await self.soon(consumer.take(count - len(taken)), 30)
            await self.soon(consumer.settle(some))
            taken += some
        return [self.codec.decode(each.payload) for each in taken]

    async def letters(self, count: int = 1, queue: str = "orders.inbound") -> list[Any]:
        """The fields of a queue's dead letters, once there are so many."""
        broker = await self.look()

        async def enough() -> Any:
            found = await broker.dead(queue)
            return found if len(found) >= count else None

        return [letter.fields for letter in await self.until(enough, 30)]

    async def waiting(self, queue: str = "orders.inbound") -> int:
        """How many messages wait in a queue."""
        broker = await self.look()
        return int((await broker.depth(queue)).waiting)

    async def stored(self, count: int, queue: str = "orders.inbound") -> None:
        """Wait until so many messages are in a queue."""

        async def enough() -> bool:
            return await self.waiting(queue) >= count

        await self.until(enough, 30)

    async def cli(self, *words: str, address: Address | None = None) -> str:
        """What ``redis-cli`` says."""
        assert CLI is not None
        command = [CLI, "-s", (address or self.address).path, *words]
        done = await deferToThread(
            subprocess.run, command, capture_output=True, text=True, check=True, timeout=30
        )
        return str(done.stdout).strip()

    def add(self, *entries: dict[str, Any], key: str = "") -> list[bytes]:
        """XADD entries to the stream: their ids."""
        return [
            self.tell("XADD", key or self.place, "*", *(p for pair in e.items() for p in pair))
            for e in entries
        ]

    def pending(self, group: str = "") -> int:
        """How many of the stream's entries are taken and not acknowledged."""
        name = group or f"{self.namespace}.orders"
        return int(self.tell("XPENDING", self.place, name)[0])

    async def settled(self) -> None:
        """Wait until nothing of the stream is pending."""
        await self.until(lambda: self.pending() == 0, 30)

    async def send(self, *contents: str, name: str = "orders", **fields: Any) -> list[UserMessage]:
        """Let an application send messages."""
        broker = await self.look()
        given = {"to_addr": "u", "from_addr": "shop", "transport_type": "redis", **fields}
        made = [UserMessage(content=c, transport_name=name, **given) for c in contents]
        payloads = [self.codec.encode(message) for message in made]
        await self.fill(broker, *payloads, queue=f"{name}.outbound")
        return made


class Stranger:
    """A program that knows nothing of us: it speaks RESP over a socket, blocking.

    :param address: a server on a unix socket.
    """

    def __init__(self, address: Address) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(30)
        self._socket.connect(address.path)
        self._reader = hiredis.Reader()

    def call(self, *words: Any) -> Any:
        """Send a command as bytes: the reply."""
        parts = [str(w).encode() if not isinstance(w, bytes) else w for w in words]
        lines = [b"*%d\r\n" % len(parts)]
        lines += [b"$%d\r\n%s\r\n" % (len(part), part) for part in parts]
        self._socket.sendall(b"".join(lines))
        while (reply := self._reader.gets()) is False:
            self._reader.feed(self._socket.recv(65536))
        return reply

    def close(self) -> None:
        """Hang up."""
        self._socket.close()


def as_json(**fields: Any) -> str:
    """An object as a producer writes it."""
    return json.dumps(fields)


def running(coroutine: Any) -> Deferred[Any]:
    """Let it run."""
    return Deferred.fromCoroutine(coroutine)
