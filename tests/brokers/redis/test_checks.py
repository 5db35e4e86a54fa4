"""A server that would lose messages is refused, with the words that mend it."""

from __future__ import annotations

from twisted.logger import LogLevel, capturedLogs

from pipeline.brokers.redis import checks
from pipeline.brokers.redis.address import Address
from pipeline.brokers.redis.client import server_checks
from pipeline.errors import BrokerUnavailable, ServerRefused
from tests.brokers.redis.support import ClientCase


class Checks(ClientCase):
    async def test_good(self) -> None:
        """A server that keeps everything passes."""
        self.assertIsNone(await server_checks(await self.connect()))

    async def test_evicting(self) -> None:
        """A server that evicts is refused until what the error says has been run."""
        server = self.make_server(options=["--maxmemory-policy", "allkeys-lru"])
        client = await self.connect(server.address)
        with self.assertRaises(ServerRefused) as caught:
            await server_checks(client)
        self.assertIn("allkeys-lru", str(caught.exception))
        told = str(caught.exception).partition("run: ")[2].partition(" (")[0]
        await client.execute(*told.split())
        await server_checks(client)

    async def test_hidden(self) -> None:
        """What the ACL hides is warned of, not refused."""
        server = self.make_server()
        self.tell(server, "ACL", "SETUSER", "few", "on", ">pw", "~*", "+get")
        address = Address("unix", path=server.socket_path, user="few", password="pw")
        client = await self.connect(address)
        with capturedLogs() as logged:
            await server_checks(client)
        self.assertEqual([LogLevel.warn] * 2, [event["log_level"] for event in logged])

    async def test_down(self) -> None:
        """Without a connection nothing is checked, and that is said."""
        self.failureResultOf(server_checks(self.make_client()), BrokerUnavailable)

    def test_old(self) -> None:
        """A server before 6.2 is refused; 6.2, 7 and 10 are not."""
        self.assertRaises(ServerRefused, checks._check_version, "6.0.16")
        for version in ("6.2.0", "7.0.15", "10.0.0"):
            checks._check_version(version)
