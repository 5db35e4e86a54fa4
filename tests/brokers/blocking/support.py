"""What the tests of the broker that blocks share: a real server, and what is on it."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from pipeline.brokers.blocking import BlockingBroker
from pipeline.brokers.redis.wire import Wire
from pipeline.testing.server import own_server, shared_server, unique_namespace

QUEUE = "work.inbound"


class BlockingCase(TestCase):
    """Has a broker; nothing here needs a reactor."""

    timeout = 60

    def setUp(self) -> None:
        self.namespace = unique_namespace()
        self.address = shared_server()
        self.wire = Wire(self.address)
        self.addCleanup(self.wire.close)
        self.broker = self.make()

    def make(self, **options: Any) -> BlockingBroker:
        """One more broker of this test's namespace."""
        address = options.pop("address", self.address)
        broker = BlockingBroker(address, namespace=self.namespace, **options)
        self.addCleanup(broker.connection.close)
        return broker

    def own(self) -> Any:
        """A server that the test may hurt."""
        server = own_server()
        self.addCleanup(server.stop_now)
        return server

    def now(self, deferred: Deferred[Any]) -> Any:
        """What a Deferred of the broker has: it has fired."""
        return self.successResultOf(deferred)

    def payloads(self, queue: str = QUEUE, partition: int = 0) -> list[bytes]:
        """What lies in a queue."""
        entries = self.wire.call("XRANGE", self.broker.layouts[partition].stream(queue), "-", "+")
        return [dict(zip(values[::2], values[1::2], strict=True))[b"m"] for _, values in entries]
