"""One client's connection: lines in when somebody wants them, bytes out within bounds."""

from __future__ import annotations

from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IHalfCloseableProtocol, IHandshakeListener, IPushProducer
from twisted.internet.protocol import Protocol as TwistedProtocol
from twisted.internet.protocol import connectionDone
from twisted.protocols.tls import TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from pipeline.transports.lines.incoming import Incoming, Odd
from pipeline.transports.lines.telnet import Telnet

__all__ = ["Connection", "Limits"]

#: Bytes that wait to be looked at before no more are read.
READ_AHEAD = 64 * 1024
#: Seconds that the client gets to take the last lines and to close its side, too.
LAST_WORDS = 2.0
#: Seconds in which TLS must be agreed on.
HANDSHAKE = 10.0


class Limits(Protocol):
    """What bounds a connection; a LinesConfig has it."""

    telnet: bool
    max_line: int
    max_unread: int
    idle_timeout: float


@implementer(IPushProducer, IHalfCloseableProtocol, IHandshakeListener)
class Connection(TwistedProtocol):
    """Reads no further ahead than it must, and writes no more than the client takes.

    :param limits: its bounds.
    :param clock: an IReactorTime.
    :param server: told when the connection is ready (``opened``) and when it is lost (``closed``).
    :ivar ended_by: why it ended, in a word; None as long as it lives.
    """

    def __init__(self, limits: Limits, clock: Any, server: Any) -> None:
        self.ended_by: str | None = None
        #: Fires when the connection is lost.
        self.gone: Deferred[None] = Deferred()
        self._limits = limits
        self._clock = clock
        self._server = server
        self._telnet = Telnet() if limits.telnet else None
        self._incoming = Incoming(limits.max_line)
        self._more: Deferred[None] | None = None
        self._is_open = False
        self._is_over = False
        self._is_closing = False
        self._is_half_closed = False
        self._is_paused = False
        self._is_choked = False
        self._unread = 0
        self._active = clock.seconds()
        self._timer: Any = None

    # The connection's life -----------------------------------------------------------------------

    def connectionMade(self) -> None:
        wire: Any = self.transport
        self._wire = wire
        self._is_tls = isinstance(wire, TLSMemoryBIOProtocol)
        self._wire.registerProducer(self, True)
        if self._is_tls:
            self._timer = self._clock.callLater(HANDSHAKE, self.abort, "handshake")
        else:
            self._open()

    def handshakeCompleted(self) -> None:
        if not self._is_open and not self._is_closing:
            self._timer.cancel()
            self._open()

    def _open(self) -> None:
        self._is_open = True
        self._active = self._clock.seconds()
        self._watch()
        self._server.opened(self)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._is_closing = True
        self._end("client")
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._server.closed(self)
        self.gone.callback(None)

    def readConnectionLost(self) -> None:
        """The client says no more, but may still listen."""
        self._is_half_closed = True
        self._end("client")
        if self._is_closing:
            self._wire.loseConnection()

    def writeConnectionLost(self) -> None:
        """Our own doing, see :meth:`close`."""

    def finish(self, why: str) -> None:
        """Take nothing more from the client; what it has said already can still be had."""
        self._end(why)

    def close(self, why: str) -> None:
        """Write out what was written, take nothing more, and close.

        The client has :data:`LAST_WORDS` seconds to take it.
        """
        if self._is_closing:
            return
        self._is_closing = True
        self._end(why)
        self._incoming = Incoming(self._limits.max_line)
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = self._clock.callLater(LAST_WORDS, self._wire.abortConnection)
        self._close_politely()

    def abort(self, why: str) -> None:
        """Close at once, whatever is under way."""
        self._is_closing = True
        self._end(why)
        self._incoming = Incoming(self._limits.max_line)
        self._wire.abortConnection()

    def _close_politely(self) -> None:
        # A producer that is paused would keep the connection from closing.
        self._wire.unregisterProducer()
        self._resume()
        if self._is_tls or self._is_half_closed:
            self._wire.loseConnection()
        else:
            # To close while there is something unread would take the last lines from the client.
            self._wire.loseWriteConnection()

    def _end(self, why: str) -> None:
        if self.ended_by is None:
            self.ended_by = why
        self._is_over = True
        self._tell()

    # Reading -------------------------------------------------------------------------------------

    def dataReceived(self, data: bytes) -> None:
        if self._is_over:
            return
        if self._telnet is not None:
            data, answers = self._telnet.read(data)
            if answers:
                self._put(answers)
        self._incoming.add(data)
        self._tell()
        if len(self._incoming) > READ_AHEAD and self._more is None and not self._is_paused:
            self._is_paused = True
            self._wire.pauseProducing()

    async def line(self) -> bytes | Odd | None:
        """The client's next line, or that it was too long; None when there will be none."""
        while True:
            taken = self._incoming.take()
            if taken is not Odd.NOT_YET:
                self._active = self._clock.seconds()
                self._resume_below(READ_AHEAD // 2)
                return taken
            if self._is_over:
                return None
            self._resume()
            self._more = Deferred()
            await self._more

    def _tell(self) -> None:
        more, self._more = self._more, None
        if more is not None:
            more.callback(None)

    def _resume_below(self, size: int) -> None:
        if len(self._incoming) <= size:
            self._resume()

    def _resume(self) -> None:
        if self._is_paused:
            self._is_paused = False
            self._wire.resumeProducing()

    # Writing -------------------------------------------------------------------------------------

    def write(self, data: bytes) -> bool:
        """Write something to the client.

        :return: False if that is no use, since the connection is closed, or closes now because the
            client doesn't read.
        """
        self._active = self._clock.seconds()
        return self._put(data)

    def _put(self, data: bytes) -> bool:
        if self._is_closing:
            return False
        if self._is_choked:
            self._unread += len(data)
            if self._unread > self._limits.max_unread:
                self.abort("unread")
                return False
        self._wire.write(data)
        return True

    def pauseProducing(self) -> None:
        """The client takes things more slowly than they are written."""
        self._is_choked = True

    def resumeProducing(self) -> None:
        """The client has taken everything."""
        self._is_choked = False
        self._unread = 0

    def stopProducing(self) -> None:
        """The connection is lost; connectionLost says so, too."""

    # Silence -------------------------------------------------------------------------------------

    def _watch(self) -> None:
        """Look again when the connection may have been idle for long enough."""
        if not self._limits.idle_timeout:
            return
        now = self._clock.seconds()
        if self._more is None:  # what it has said isn't published yet
            self._active = now
        left = self._active + self._limits.idle_timeout - now
        if left <= 0:
            self._server.idle(self)
        else:
            self._timer = self._clock.callLater(left, self._watch)
