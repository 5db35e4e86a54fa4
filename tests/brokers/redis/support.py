"""What the tests of the client share."""

from __future__ import annotations

import os
import signal
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from pipeline.brokers.embedded import EmbeddedServer
from pipeline.brokers.redis.address import Address
from pipeline.brokers.redis.client import Client
from pipeline.brokers.redis.wire import Wire
from pipeline.testing.server import own_server, shared_server, unique_namespace


class ClientCase(TestCase):
    """A test with clients that are stopped, and servers that are ended, when it ends."""

    timeout = 30

    def setUp(self) -> None:
        from twisted.internet import reactor

        self.reactor: Any = reactor
        self.key = unique_namespace()

    def make_client(self, address: Address | None = None, **options: Any) -> Client:
        """Make a client, of the shared server unless told otherwise."""
        client = Client(address or shared_server(), self.reactor, **options)
        self.addCleanup(client.stop)
        return client

    async def connect(self, address: Address | None = None, **options: Any) -> Client:
        """Make a client and wait until it is connected."""
        client = self.make_client(address, **options)
        await client.start()
        return client

    def make_server(self, **options: Any) -> EmbeddedServer:
        """Start a server that this test may hurt."""
        server = own_server(**options)
        self.addCleanup(server.stop_now)
        return server

    def tell(self, server: EmbeddedServer, *words: str) -> Any:
        """Give a server of this test an order."""
        wire = Wire(server.address)
        self.addCleanup(wire.close)
        return wire.call(*words)

    def freeze(self, server: EmbeddedServer) -> None:
        """Let a server of this test answer nobody until it ends, as behind a dead network."""
        assert server.pid is not None
        os.kill(server.pid, signal.SIGSTOP)
        self.addCleanup(server.kill_now)

    async def turns(self, count: int = 3) -> None:
        """Let the reactor turn a few times."""
        for _ in range(count):
            turn: Deferred[None] = Deferred()
            self.reactor.callLater(0, turn.callback, None)
            await turn
