"""Makes connections, within their number, and looks after their time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.protocol import ServerFactory
from twisted.internet.task import LoopingCall
from wsproto.events import Request

from pipeline.transports.peers import Admission, peer_of
from pipeline.transports.websocket.limits import Limits
from pipeline.transports.websocket.wire import Wire

__all__ = ["Server"]

#: Seconds between two looks at the time of connections.
SWEEP = 1.0


class Server(ServerFactory):
    """Makes a :class:`~pipeline.transports.websocket.wire.Wire` for each connection.

    :param requested: called with each wire and its request.
    :param lost: called with each wire that is gone; a Deferred that fires when it counts no more.
    :param admission: what comes beyond is closed at once.
    :param limits: of each connection.
    :param clock: the reactor.
    """

    noisy = False

    def __init__(
        self,
        requested: Callable[[Wire, Request], None],
        lost: Callable[[Wire], Deferred[None]],
        admission: Admission,
        limits: Limits,
        clock: Any,
    ) -> None:
        self.wires: set[Wire] = set()
        self._requested = requested
        self._lost = lost
        self._admission = admission
        self._limits = limits
        self._clock = clock
        self._ending: set[Wire] = set()
        self._all_ended: list[Deferred[None]] = []
        self._sweep = LoopingCall(self._look)
        self._sweep.clock = clock

    def start(self) -> None:
        """Look after the connections' time from now on."""
        self._sweep.start(SWEEP, now=False)

    def stop(self) -> None:
        """Cut off what is still there."""
        for wire in list(self.wires):
            wire.abort()
        if self._sweep.running:
            self._sweep.stop()

    def buildProtocol(self, addr: Any) -> Any:
        peer = peer_of(addr)
        if not self._admission.admit(peer):
            return None
        wire = Wire(self._limits, self._clock, peer, self._requested, self._gone)
        self.wires.add(wire)
        return wire

    def when_ended(self) -> Deferred[None]:
        """Fires when there is no connection, and none whose end is still to be stored."""
        if not self.wires and not self._ending:
            return succeed(None)
        ended: Deferred[None] = Deferred(self._all_ended.remove)
        self._all_ended.append(ended)
        return ended

    def _look(self) -> None:
        for wire in list(self.wires):
            wire.look()

    def _gone(self, wire: Wire) -> None:
        self.wires.discard(wire)
        self._ending.add(wire)
        self._lost(wire).addBoth(self._ended, wire)

    def _ended(self, result: Any, wire: Wire) -> Any:
        self._ending.discard(wire)
        self._admission.closed(wire.peer)
        if not self.wires and not self._ending:
            waiting, self._all_ended = self._all_ended, []
            for each in waiting:
                each.callback(None)
        return result
