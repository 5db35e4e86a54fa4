"""A queue in memory as an operator meets it: what the contract leaves open."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from pipeline.brokers.memory import MemoryBroker
from pipeline.delivery import Post, Settled
from pipeline.interfaces import IPlace


class MemoryPlaceTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.broker = MemoryBroker(Clock())
        self.broker.start()
        self.addCleanup(self.broker.stop)
        self.place = self.broker.overseer().place("q")

    def test_interface(self) -> None:
        """It is what the interface says."""
        verifyObject(IPlace, self.place)

    def test_flushed(self) -> None:
        """What was found before the server lost all is of another life of the queue."""
        self.broker.publish([Post("q", b"x")])
        [found] = self.successResultOf(self.place.waiting())
        self.broker.server.flush()
        self.assertEqual([Settled.FENCED], self.successResultOf(self.place.purge([found.delivery])))

    def test_refused(self) -> None:
        """A write that can't be done keeps the message where it is."""
        self.broker.publish([Post("q", b"x")])
        [found] = self.successResultOf(self.place.waiting())
        store = found.delivery.store
        store.writes.append(("incr", "n", b"1", 0))
        store.writes.append(("incr", "n", b"no number", 0))
        results = self.successResultOf(self.place.purge([found.delivery]))
        self.assertEqual([Settled.REFUSED], results)
        self.assertTrue(found.delivery.refusal)
        self.assertEqual(1, self.successResultOf(self.broker.depth("q")).waiting)
