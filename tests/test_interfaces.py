"""The promises between the parts."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import Interface
from zope.interface.exceptions import Invalid
from zope.interface.interface import InterfaceClass
from zope.interface.verify import verifyClass, verifyObject

from pipeline import interfaces
from pipeline.brokers.memory import MemoryBroker, MemoryConsumer, MemoryReader
from pipeline.interfaces import IBroker, IConsumer, IReader


def declared() -> list[InterfaceClass]:
    """Every interface of the module."""
    return [getattr(interfaces, name) for name in interfaces.__all__]


class Declared(SynchronousTestCase):
    """Each interface says what it promises."""

    def test_public(self) -> None:
        """Every interface that is defined is public."""
        defined = {
            name
            for name, value in vars(interfaces).items()
            if isinstance(value, InterfaceClass) and value is not Interface
        }
        self.assertEqual(set(interfaces.__all__), defined)

    def test_documented(self) -> None:
        """Every interface and every member has its promise in words."""
        bare = [
            f"{interface.__name__}.{name}"
            for interface in declared()
            for name, member in interface.namesAndDescriptions()
            if not member.__doc__
        ]
        self.assertEqual([], bare)
        self.assertEqual([], [i.__name__ for i in declared() if not i.__doc__])


class Kept(SynchronousTestCase):
    """The reference implementation keeps them."""

    def test_memory(self) -> None:
        """The memory broker and what it makes are what they declare."""
        broker = MemoryBroker(Clock())
        verifyClass(IBroker, MemoryBroker)
        verifyClass(IConsumer, MemoryConsumer)
        verifyClass(IReader, MemoryReader)
        verifyObject(IBroker, broker)
        verifyObject(IConsumer, broker.consumer("work.inbound"))
        verifyObject(IReader, broker.reader())

    def test_found_out(self) -> None:
        """What lacks a part of the promise is found out."""
        self.assertRaises(Invalid, verifyObject, IBroker, MemoryBroker(Clock()).reader())
