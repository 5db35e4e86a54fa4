"""Accepts connections, as many as there may be, and knows their sessions."""

from __future__ import annotations

from collections import Counter
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.protocol import Protocol, ServerFactory, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure

from pipeline.message.ids import random_id
from pipeline.transports.lines.connection import LAST_WORDS, Connection
from pipeline.transports.lines.session import House, Session

__all__ = ["Server"]

#: How many clients may be told at the same time that there is no room; more are closed at once.
MOST_REFUSALS = 100


class Refusal(Protocol):
    """Tells a client that it can't stay."""

    def __init__(self, server: Server, why: bytes) -> None:
        self._server = server
        self._why = why

    def connectionMade(self) -> None:
        wire: Any = self.transport
        wire.write(self._why)
        wire.loseConnection()
        self._late = self._server.house.clock.callLater(LAST_WORDS, wire.abortConnection)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._late.active():
            self._late.cancel()
        self._server.refused(self)


class Server(ServerFactory):
    """Makes a :class:`Session` for each connection.

    :param house: what they have in common.
    :ivar to_addr: whom their lines are for.
    """

    noisy = False
    log = Logger()

    def __init__(self, house: House, to_addr: str | None = None) -> None:
        self.house = house
        self.to_addr = to_addr
        self._sessions: dict[Connection, Session] = {}
        self._connections: dict[Connection, str] = {}
        self._from: Counter[str] = Counter()
        self._refusals: set[Refusal] = set()
        self._running = 0
        self._over: list[Deferred[None]] = []

    def __len__(self) -> int:
        return len(self._connections)

    # Connections ---------------------------------------------------------------------------------

    def buildProtocol(self, addr: Any) -> Any:
        config, host = self.house.config, getattr(addr, "host", "")
        if len(self._connections) >= config.max_connections:
            return self._refuse("error: too many are connected: try again later")
        if (
            host
            and config.max_connections_per_address
            and self._from[host] >= config.max_connections_per_address
        ):
            return self._refuse("error: too many are connected from your address")
        connection: Any = Connection(config, self.house.clock, self)
        self._connections[connection] = host
        self._from[host] += 1
        self.house.statistics.count("connections")
        return connection

    def opened(self, connection: Connection) -> None:
        """A connection is ready: its session begins."""
        session = Session(self.house, connection, _address(connection), self.to_addr)
        self._sessions[connection] = session
        self._running += 1
        running = Deferred.fromCoroutine(session.run())
        running.addErrback(lambda failure: self.log.failure("a session broke", failure))
        running.addBoth(self._ended)

    def closed(self, connection: Connection) -> None:
        """A connection is lost."""
        host = self._connections.pop(connection)
        self._from[host] -= 1
        if not self._from[host]:
            del self._from[host]
        self.house.statistics.count(f"ended_by_{connection.ended_by}".replace(" ", "_"))
        session = self._sessions.pop(connection, None)
        if session is not None:
            session.lost()

    def idle(self, connection: Connection) -> None:
        """Nothing was said on a connection for too long."""
        seconds = self.house.config.idle_timeout
        self._sessions[connection].tell(f"nothing was said for {seconds:g} s: good-bye")
        connection.close("idle")

    def refused(self, refusal: Refusal) -> None:
        """A client that could not stay is gone."""
        self._refusals.discard(refusal)

    # The end -------------------------------------------------------------------------------------

    def finish(self) -> None:
        """Take no more lines; have those answered that were taken, and then close."""
        for session in [*self._sessions.values()]:
            session.finish()

    def when_over(self) -> Deferred[None]:
        """Fires when every session has ended, and the application was told so."""
        if not self._running:
            return succeed(None)
        over: Deferred[None] = Deferred(self._over.remove)
        self._over.append(over)
        return over

    def hurry(self) -> None:
        """Wait for no answers any longer: say good-bye and close."""
        for session in [*self._sessions.values()]:
            session.hurry()

    def abort(self) -> None:
        """Close everything at once."""
        for connection in [*self._connections]:
            connection.abort("stop")
        for refusal in self._refusals:
            refusal.transport.abortConnection()  # type: ignore[union-attr]  # connected

    def _refuse(self, why: str) -> Refusal | None:
        self.house.statistics.count("refused")
        if len(self._refusals) >= MOST_REFUSALS:
            return None
        refusal = Refusal(self, f"{why}\r\n".encode())
        self._refusals.add(refusal)
        return refusal

    def _ended(self, result: Any) -> None:
        self._running -= 1
        if not self._running:
            over, self._over = self._over, []
            for each in over:
                each.callback(None)


def _address(connection: Connection) -> str:
    """``host:port``; what has none, as a unix socket's client, gets a name of its own."""
    peer: Any = connection.transport.getPeer()  # type: ignore[union-attr]  # connected
    host = getattr(peer, "host", None)
    if host is None:
        return f"client-{random_id()}"
    return f"[{host}]:{peer.port}" if ":" in host else f"{host}:{peer.port}"
