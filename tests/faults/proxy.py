"""A bad network between the workers and the server, in a process of its own.

``python -m tests.faults.proxy SOCKET SEED`` listens on a port of the loopback. It takes orders on
its standard input, a line each, and answers each with a line of JSON: ``port``, and how many
connections it has ``cut`` and ``stalled``.

- ``cut P``: from now on every reply has the chance P to be cut off, with its connection: the
  command was carried out, and nobody is told.
- ``stall P``: each connection has the chance P to carry nothing any more, though it stays open.
- ``go``: what was stalled is delivered now, even if its sender has long given up.
"""

from __future__ import annotations

import ctypes
import json
import random
import signal
import sys
from typing import Any

from twisted.internet import protocol, stdio
from twisted.internet.endpoints import TCP4ServerEndpoint, UNIXClientEndpoint, connectProtocol
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure

#: Seconds after which it ends in any case.
LIFE = 1800


class Leg(protocol.Protocol):
    """One side of a connection through the proxy."""

    pair: Pair
    is_gone = False

    def dataReceived(self, data: bytes) -> None:
        self.pair.carry(self, data)

    def connectionLost(self, reason: Failure = protocol.connectionDone) -> None:
        self.is_gone = True
        self.pair.lost(self)


class Pair:
    """A client, the server, and what is on its way between them."""

    def __init__(self, network: Network) -> None:
        self.front, self.back = Leg(), Leg()
        self.front.pair = self.back.pair = self
        self.stalled = False
        self.ready = False
        self._network = network
        self._held: list[tuple[Leg, bytes]] = []

    def carry(self, sender: Leg, data: bytes) -> None:
        """Pass data on, or hold it, or cut it off."""
        if self.stalled or not self.ready:
            self._held.append((sender, data))
        elif sender is self.back and self._network.cuts():
            self._cut(data)
        else:
            self._pass(sender, data)

    def release(self) -> None:
        """Deliver what was held."""
        self.stalled = False
        held, self._held = self._held, []
        for sender, data in held:
            self._pass(sender, data)
        for leg in (self.front, self.back):
            if leg.is_gone:
                self.lost(leg)

    def lost(self, leg: Leg) -> None:
        """One side has left."""
        other = self.back if leg is self.front else self.front
        if not self.stalled and self.ready:
            self._network.pairs.discard(self)
            if not other.is_gone and other.transport is not None:
                other.transport.loseConnection()

    def connected(self, _: Any) -> None:
        """The server is there, too."""
        self.ready = True
        self.release()

    def refused(self, _: Any) -> None:
        """The server isn't there."""
        self.back.is_gone = self.ready = True
        self.lost(self.back)

    def _pass(self, sender: Leg, data: bytes) -> None:
        other = self.back if sender is self.front else self.front
        if not other.is_gone and other.transport is not None:
            other.transport.write(data)

    def _cut(self, data: bytes) -> None:
        self._pass(self.back, data[: self._network.random.randrange(len(data))])
        for leg in (self.front, self.back):
            transport: Any = leg.transport
            transport.loseConnection() if leg is self.front else transport.abortConnection()


class Network(protocol.Factory):
    """All connections, and how bad it is."""

    def __init__(self, reactor: Any, path: str, seed: str) -> None:
        self.random = random.Random(seed)
        self.pairs: set[Pair] = set()
        self.chance = 0.0
        self.counts = {"cut": 0, "stalled": 0, "port": 0}
        self._server = UNIXClientEndpoint(reactor, path)

    def buildProtocol(self, addr: Any) -> Leg:
        pair = Pair(self)
        self.pairs.add(pair)
        connectProtocol(self._server, pair.back).addCallbacks(pair.connected, pair.refused)
        return pair.front

    def cuts(self) -> bool:
        """Whether this reply is cut off."""
        if self.random.random() >= self.chance:
            return False
        self.counts["cut"] += 1
        return True

    def stall(self, chance: float) -> None:
        """Let some connections carry nothing."""
        for pair in sorted(self.pairs, key=id):
            if not pair.stalled and self.random.random() < chance:
                pair.stalled = True
                self.counts["stalled"] += 1

    def go(self) -> None:
        """Let them carry again."""
        for pair in [pair for pair in self.pairs if pair.stalled]:
            pair.release()


class Orders(LineOnlyReceiver):
    """Takes the suite's orders."""

    delimiter = b"\n"

    def __init__(self, network: Network, reactor: Any) -> None:
        self._network = network
        self._reactor = reactor

    def lineReceived(self, line: bytes) -> None:
        word, _, number = line.decode().partition(" ")
        if word == "cut":
            self._network.chance = float(number)
        elif word == "stall":
            self._network.stall(float(number))
        elif word == "go":
            self._network.go()
        self.sendLine(json.dumps(self._network.counts).encode())

    def connectionLost(self, reason: Failure = protocol.connectionDone) -> None:
        if self._reactor.running:
            self._reactor.stop()


def main(path: str, seed: str) -> None:
    """Listen until the suite is gone."""
    from twisted.internet import reactor as installed

    reactor: Any = installed
    signal.alarm(LIFE)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)
    network = Network(reactor, path, seed)

    def listening(port: Any) -> None:
        network.counts["port"] = port.getHost().port
        stdio.StandardIO(Orders(network, reactor))

    TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(network).addCallback(listening)
    reactor.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
