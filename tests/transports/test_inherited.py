"""Tests of pipeline.transports.inherited, by the listening that uses it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from twisted.internet.endpoints import clientFromString
from twisted.internet.interfaces import IStreamServerEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.protocols.basic import LineReceiver
from twisted.trial.unittest import TestCase
from zope.interface.verify import verifyClass

from pipeline.config.endpoints import ServerDescription
from pipeline.errors import ConfigError
from pipeline.testing.times import RealTime
from pipeline.transports.inherited import Inherited, offered
from pipeline.transports.listening import Listening

PROXIED = b"PROXY TCP4 192.0.2.7 127.0.0.1 4000 80\r\n"


class Telling(Protocol):
    """Says who it thinks it talks to."""

    def connectionMade(self) -> None:
        self.transport.write(f"{self.factory.name}\n".encode())  # type: ignore[attr-defined]


class Proxied(LineReceiver):
    """Says where a line is from."""

    delimiter = b"\n"

    def lineReceived(self, line: bytes) -> None:
        self.sendLine(self.transport.getPeer().host.encode())  # type: ignore[union-attr]


class Hearing(Protocol):
    """Keeps what it hears."""

    heard = b""

    def dataReceived(self, data: bytes) -> None:
        self.heard += data


class Shared(TestCase):
    """Several listen on one socket that another has bound."""

    def setUp(self) -> None:
        from twisted.internet import reactor

        self.reactor: Any = reactor
        self.addCleanup(offered.clear)

    def bound(self, description: str) -> Any:
        """Bind it, and offer it."""
        bound = Listening(ServerDescription(description)).binding().bind()
        self.addCleanup(bound.close)
        offered[description] = bound.descriptor
        return bound

    async def open(self, description: str, name: str, protocol: Any = Telling) -> Any:
        factory: Any = Factory.forProtocol(protocol)
        factory.name = name
        return await Listening(ServerDescription(description)).open(factory, self.reactor)

    async def hear(self, description: str, said: bytes = b"") -> bytes:
        """What a client hears first."""
        endpoint: Any = clientFromString(self.reactor, description)
        client: Any = await endpoint.connect(Factory.forProtocol(Hearing))
        client.transport.write(said)
        await RealTime(self.reactor, 30).until(lambda: client.heard.endswith(b"\n"))
        client.transport.abortConnection()
        heard: bytes = client.heard
        return heard.strip()

    async def test_port(self) -> None:
        """The port goes on when one of those who accept from it closes it."""
        bound = self.bound("tcp:0")
        where = f"tcp:127.0.0.1:{bound.port}"
        first = await self.open("tcp:0", "first")
        self.assertEqual(bound.port, first.getHost().port)
        self.assertEqual(b"first", await self.hear(where))
        second = await self.open("tcp:0", "second")
        await first.stopListening()
        self.assertEqual(b"second", await self.hear(where))
        self.assertFalse(os.get_inheritable(bound.descriptor))
        await second.stopListening()

    async def test_path(self) -> None:
        """So does a path, which stays as it was."""
        path = Path(self.mktemp())
        description = f"unix:{path}:mode=600"
        self.bound(description)
        first, second = await self.open(description, "1"), await self.open(description, "2")
        await first.stopListening()
        self.assertEqual(b"2", await self.hear(f"unix:{path}"))
        self.assertEqual(0o600, path.stat().st_mode & 0o777)
        await second.stopListening()
        self.assertTrue(path.exists())

    async def test_proxy(self) -> None:
        """What a proxy says is understood there, too."""
        bound = self.bound("haproxy:tcp:0")
        port = await self.open("haproxy:tcp:0", "x", Proxied)
        heard = await self.hear(f"tcp:127.0.0.1:{bound.port}", PROXIED + b"hi\n")
        self.assertEqual(b"192.0.2.7", heard)
        await port.stopListening()

    def test_others(self) -> None:
        """An endpoint of another kind can't be shared, which is said."""
        with self.assertRaises(ConfigError) as caught:
            Listening(ServerDescription("systemd:domain=INET:index=0")).binding()
        self.assertIn("type systemd can't be shared by processes", str(caught.exception))

    def test_interface(self) -> None:
        """It is an endpoint."""
        verifyClass(IStreamServerEndpoint, Inherited)
