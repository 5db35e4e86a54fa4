"""Oversight in memory: what the contract leaves open."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from pipeline.brokers.memory import MemoryBroker, MemoryServer
from pipeline.delivery import Post
from pipeline.interfaces import IOverseer


class MemoryOverseerTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1_700_000_000)
        self.server = MemoryServer(self.clock)

    def broker(self, namespace: str = "a") -> MemoryBroker:
        broker = MemoryBroker(self.clock, server=self.server, namespace=namespace, workers=["w"])
        broker.start()
        self.addCleanup(broker.stop)
        return broker

    def test_interface(self) -> None:
        """It is what the interface says."""
        verifyObject(IOverseer, self.broker().overseer())

    def test_own_namespace(self) -> None:
        """Another namespace on the same server is none of its business, nor can it be paused."""
        mine, other = self.broker("a"), self.broker("b")
        [seen] = self.successResultOf(mine.overseer().workers())
        self.assertEqual(mine.worker_id, seen.id)
        self.successResultOf(mine.overseer().pause("q", "me"))
        other.publish([Post("q", b"x")])
        self.assertEqual(1, len(self.successResultOf(other.consumer("q").take(1))))

    def test_forgotten(self) -> None:
        """A worker that is silent for too long is forgotten, also when it comes back and goes."""
        mine, dying = self.broker(), self.broker()
        for _ in range(2):
            dying.die()
            self.assertEqual(2, len(self.successResultOf(mine.overseer().workers())))
            self.clock.advance(15)
            self.assertEqual(1, len(self.successResultOf(mine.overseer().workers())))
            dying.start()
            self.assertEqual(2, len(self.successResultOf(mine.overseer().workers())))
