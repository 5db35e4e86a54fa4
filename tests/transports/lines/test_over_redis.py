"""Lines over a real server, in several partitions, and while it is away."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import deferLater

from pipeline.testing.server import own_server
from tests.transports.http import test_over_redis
from tests.transports.lines.clients import LinesCase, Parrot


class RedisCase(test_over_redis.RedisCase, LinesCase):
    """The same workers, over a real server."""


class Sessions(RedisCase):
    """Conversations of many at the same time."""

    async def test_many(self) -> None:
        """Each client is answered in its order by the one of two transports that has it."""
        for _ in range(2):
            await self.start(Parrot, ordering="process")
        _, port = await self.lines(reuse_port=True)
        await self.lines(reuse_port=True, listen=f"tcp:{port}")
        clients = [await self.talker(port) for _ in range(30)]
        for n, client in enumerate(clients):
            await client.hear("hello\r\n")
            client.say(b"n%d\n" % n)
        for n, client in enumerate(clients):
            await client.hear(f"N{n}\r\n")

    async def test_in_order(self) -> None:
        """A client's lines are taken and answered in their order."""
        await self.start(Parrot, ordering="process")
        _, port = await self.lines()
        client = await self.talker(port)
        client.say(b"".join(b"n%d\n" % n for n in range(500)))
        await client.hear("hello\r\n" + "".join(f"N{n}\r\n" for n in range(500)))


class Outage(RedisCase):
    """The server goes away for a while."""

    def server_address(self) -> Any:
        self.redis = own_server(self.mktemp())
        self.addCleanup(self.redis.stop_now)
        return self.redis.address

    async def test_outage(self) -> None:
        """What is said meanwhile waits, and is answered afterwards, in its order."""
        await self.start(Parrot, ordering="process")
        transport, port = await self.lines()
        client = await self.talker(port)
        await client.hear("hello\r\n")
        self.redis.kill_now()
        await self.until(lambda: not transport.broker.available)
        client.say(b"one\ntwo\n")
        client.say(b"three\n")
        await deferLater(self.reactor, 0.1)
        self.assertEqual(b"", client.heard)
        self.redis.start_now()
        await client.hear("ONE\r\nTWO\r\nTHREE\r\n")
