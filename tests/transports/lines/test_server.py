"""Tests of pipeline.transports.lines.server."""

from __future__ import annotations

from twisted.internet.defer import Deferred, gatherResults

from tests.quick import SKIP
from tests.transports.lines.clients import LinesCase, Parrot


class Many(LinesCase):
    """How many may be connected."""

    async def test_most(self) -> None:
        """Who comes beyond the limit is told so; who leaves makes room."""
        await self.start(Parrot)
        transport, port = await self.lines(max_connections=2)
        clients = [await self.talker(port) for _ in range(2)]
        await self.until(lambda: len(transport._server) == 2)
        refused = await self.talker(port)
        self.assertEqual(b"error: too many are connected: try again later\r\n", await refused.end())
        await clients[0].hang_up()
        await self.until(lambda: len(transport._server) == 1)
        await (await self.talker(port)).hear("hello\r\n")
        self.assertEqual(1, transport.statistics.counts["refused"])

    async def test_from_one_address(self) -> None:
        """One address alone can't take all the room."""
        await self.start(Parrot)
        _, port = await self.lines(max_connections_per_address=1)
        await (await self.talker(port)).hear("hello\r\n")
        refused = await self.talker(port)
        self.assertEqual(
            b"error: too many are connected from your address\r\n", await refused.end()
        )

    async def test_thousand(self) -> None:
        """A thousand at once each have their own conversation."""
        parrot = await self.start(Parrot)
        transport, port = await self.lines(max_connections_per_address=0)
        clients = await gatherResults(
            [Deferred.fromCoroutine(self.talker(port)) for _ in range(1000)]
        )
        for n, client in enumerate(clients):
            client.say(b"n%d\n" % n)
        for n, client in enumerate(clients):
            await client.hear(f"hello\r\nN{n}\r\n")
        for client in clients:
            client.say(b"bye\n")
        for client in clients:
            self.assertEqual(b"BYE\r\n", await client.end())
        await self.until(lambda: len(parrot.got) == 4000)
        self.assertEqual(1000, transport.statistics.counts["ended_by_application"])
        self.assertEqual(0, transport._server._running)

    test_thousand.skip = SKIP  # type: ignore[attr-defined]
