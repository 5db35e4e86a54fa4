"""Tests of pipeline.transports.websocket.server."""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import TestCase

from pipeline.transports.peers import Admission
from pipeline.transports.statistics import Statistics
from pipeline.transports.websocket.limits import Limits
from pipeline.transports.websocket.server import SWEEP, Server

LIMITS = Limits(100, 100, 10, 20, 20, 0)


class Counting(TestCase):
    """Connections are made within their number."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.ends: list[Deferred[None]] = []
        admission = Admission(3, 2, Statistics())
        self.server = Server(self.unexpected, self.lost, admission, LIMITS, self.clock)

    def unexpected(self, *_: Any) -> None:
        raise AssertionError("nobody has asked")

    def lost(self, wire: Any) -> Deferred[None]:
        self.ends.append(Deferred())
        return self.ends[-1]

    def connect(self, host: str) -> Any:
        wire = self.server.buildProtocol(IPv4Address("TCP", host, 1))
        if wire is not None:
            wire.makeConnection(StringTransport())
        return wire

    def test_limits(self) -> None:
        """More than so many, or so many of one address, are closed at once."""
        self.assertTrue(self.connect("1.1.1.1") and self.connect("1.1.1.1"))
        self.assertIsNone(self.connect("1.1.1.1"))
        self.assertTrue(self.connect("2.2.2.2"))
        self.assertIsNone(self.connect("3.3.3.3"))

    def test_until_stored(self) -> None:
        """A connection that is gone counts until its end is stored."""
        first = self.connect("1.1.1.1")
        self.connect("1.1.1.1")
        ended = self.server.when_ended()
        first.connectionLost()
        self.assertIsNone(self.connect("1.1.1.1"))
        self.ends[0].callback(None)
        self.assertTrue(self.connect("1.1.1.1"))
        for wire in list(self.server.wires):
            wire.connectionLost()
        self.assertNoResult(ended)
        for end in self.ends[1:]:
            end.callback(None)
        self.assertIsNone(self.successResultOf(ended))
        self.assertIsNone(self.successResultOf(self.server.when_ended()))

    def test_sweep(self) -> None:
        """Who begins nothing is cut off in time; so is everybody at the end."""
        self.server.start()
        wire = self.connect("1.1.1.1")
        self.clock.pump([SWEEP] * 12)
        self.assertTrue(wire.transport.disconnected or wire.transport.disconnecting)
        other = self.connect("2.2.2.2")
        self.server.stop()
        self.assertTrue(other.transport.disconnected or other.transport.disconnecting)
        self.assertEqual([], self.clock.getDelayedCalls())
