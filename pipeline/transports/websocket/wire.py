"""One WebSocket connection of a server, with bounds: on sizes, on time, on what is not read.

wsproto reads and writes the frames. Nothing is kept that the other side can make grow: a message
that is too long is refused when it becomes so, in however many pieces it comes; nothing is read
while there is no room for it; and who doesn't read what is sent is cut off. Compression is never
agreed on, since what a small frame unfolds to has no bound there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import Protocol as TwistedProtocol
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from wsproto import ConnectionType, WSConnection
from wsproto.connection import ConnectionState
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Ping,
    Request,
    TextMessage,
)
from wsproto.utilities import LocalProtocolError, RemoteProtocolError
from zope.interface import implementer

from pipeline.transports.answers import Answer, refusal
from pipeline.transports.websocket.handshake import no_handshake, rejection
from pipeline.transports.websocket.limits import Close, Limits, State
from pipeline.transports.websocket.pieces import Pieces, TooLong
from pipeline.transports.websocket.silence import Silence, Verdict

__all__ = ["Listener", "Wire"]

#: Bytes that a handshake may have.
MAX_REQUEST = 16 * 1024

#: Seconds that the other side has to answer a close.
CLOSE_TIMEOUT = 5.0

#: Bytes that are still read, and thrown away, from who should have stopped.
LINGER_BYTES = 4 * 1024 * 1024


class Listener(Protocol):
    """Who hears what is said on a connection."""

    def said(self, text: str) -> None:
        """A message has come."""


@implementer(IPushProducer)
class Wire(TwistedProtocol):
    """A connection.

    It begins held: nothing is read after the request until :meth:`release`.

    :param limits: what it may take.
    :param clock: the reactor.
    :param peer: where it is from.
    :param requested: called with this and the request.
    :param lost: called with this when it is gone.
    :ivar listener: hears messages, when it is open.
    :ivar code: with which code this side has closed it, if it has.
    """

    listener: Listener

    def __init__(
        self,
        limits: Limits,
        clock: Any,
        peer: str,
        requested: Callable[[Wire, Request], None],
        lost: Callable[[Wire], None],
    ) -> None:
        self.state = State.CONNECTING
        self.peer = peer
        self.code: int | None = None
        self._limits = limits
        self._clock = clock
        self._requested = requested
        self._lost = lost
        self._frames = WSConnection(ConnectionType.SERVER)
        self._pieces = Pieces(limits.max_message)
        self._is_held = self._is_reading = self._is_paused = False
        #: Nothing that comes is understood any more.
        self._is_deaf = False
        self._asked = self._unwanted = 0
        #: The transport says when it is choked.
        self._is_produced = self._is_choked = False
        self._unread = 0
        self._silence = Silence(limits, clock)
        self._since = clock.seconds()
        self._on_event: dict[type[Event], Callable[[Any], None]] = {
            Request: self._on_request,
            TextMessage: self._on_text,
            BytesMessage: self._on_bytes,
            Ping: self._on_ping,
            CloseConnection: self._on_close,
        }

    # The handshake -----------------------------------------------------------------------------

    def accept(self, subprotocol: str | None = None) -> bool:
        """Let it be open.

        :return: False when it is gone meanwhile.
        """
        if self.state is not State.CONNECTING:
            return False
        self.state = State.OPEN
        self._silence.talked()
        self._is_produced = True
        self._transport.registerProducer(self, True)
        self._write(self._frames.send(AcceptConnection(subprotocol=subprotocol)))
        return True

    def reject(self, answer: Answer) -> None:
        """Answer the request with something else than a connection."""
        if self.state is not State.CONNECTING:
            return
        self._begin_to_close()
        self._is_deaf = True
        try:
            self._write(rejection(self._frames, answer))
        except LocalProtocolError:  # what came was no request that could be answered
            self.abort()
            return
        self._drop()

    # Talking -----------------------------------------------------------------------------------

    def send(self, text: str) -> bool:
        """Write a message.

        :return: False when it can't be: the connection closes, or the other side has not read
            so much that it is closed now.
        """
        if self.state is not State.OPEN:
            return False
        self._silence.talked()
        return self._write(self._frames.send(TextMessage(text)))

    def close(self, code: int, reason: str = "") -> None:
        """Say that it closes, and why; messages that still come are not heard."""
        if self.state is State.CONNECTING:
            self.abort()
        if self.state is not State.OPEN:
            return
        self.code = code
        self._begin_to_close()
        self._write(self._frames.send(CloseConnection(code, reason)))
        self.release()

    def abort(self) -> None:
        """Cut it off."""
        if self.state is State.GONE:
            return
        self._begin_to_close()
        self._is_deaf = True
        self._transport.abortConnection()

    def hold(self) -> None:
        """Read nothing more for now. Pings are not answered meanwhile."""
        self._is_held = self.state is not State.CLOSING
        self._flow()

    def release(self) -> None:
        """Read again."""
        if not self._is_held:
            return
        self._is_held = False
        self._silence.heard()
        self._read()

    # Time --------------------------------------------------------------------------------------

    def look(self) -> None:
        """See whether its time is over; called about every second."""
        now = self._clock.seconds()
        if self.state is State.CLOSING:
            self._look_at_closing(now)
        elif self.state is State.CONNECTING:
            if now - self._since > self._limits.handshake_timeout:
                self.abort()
        elif self._is_choked:
            if now - self._choked_at > self._limits.ping_timeout:
                self.abort()
        elif self.state is State.OPEN and not self._is_held:
            self._look_at_silence()

    def _look_at_closing(self, now: float) -> None:
        if now - self._since > CLOSE_TIMEOUT:
            self.abort()
        elif self._is_deaf:
            self._drop()

    def _look_at_silence(self) -> None:
        verdict = self._silence.verdict()
        if verdict is Verdict.PING:
            self._write(self._frames.send(Ping()))
        elif verdict is Verdict.LOST:
            self.close(Close.ERROR, "no answer to a ping")
        elif verdict is Verdict.IDLE:
            self.close(Close.NORMAL, "idle for too long")

    # What the transport calls ------------------------------------------------------------------

    def dataReceived(self, data: bytes) -> None:
        self._silence.heard()
        if self.state is State.CONNECTING:
            self._asked += len(data)
            if self._asked > MAX_REQUEST:
                self.reject(refusal(431, f"a handshake may have {MAX_REQUEST} bytes").answer)
        if self.state is State.CLOSING:
            self._unwanted += len(data)
            if self._unwanted > LINGER_BYTES:
                self.abort()
        if self._is_deaf:
            return
        try:
            self._frames.receive_data(data)
        except (RemoteProtocolError, UnicodeError) as error:
            self.reject(no_handshake(error).answer)
            return
        self._read()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.state = State.GONE
        self._is_deaf = True
        self._pieces.clear()
        self._lost(self)

    def pauseProducing(self) -> None:
        """What was sent is not read: stop reading, too. Twisted says so for each write."""
        if self._is_choked:
            return
        self._is_choked = True
        self._choked_at = self._clock.seconds()
        self._unread = 0
        self._flow()

    def resumeProducing(self) -> None:
        """All that was sent has left."""
        self._is_choked = False
        self._silence.heard()
        self._read()

    def stopProducing(self) -> None:
        """The connection is lost, as is said otherwise."""

    # Reading -----------------------------------------------------------------------------------

    def _read(self) -> None:
        """Take what has come, piece by piece, for as long as somebody wants it."""
        if self._is_reading:
            return
        self._is_reading = True
        try:
            while not (self._is_held or self._is_choked or self._is_deaf):
                event = next(self._frames.events(), None)
                if event is None:
                    break
                handler = self._on_event.get(type(event))
                if handler is not None:
                    handler(event)
        finally:
            self._is_reading = False
        self._flow()

    def _on_request(self, request: Request) -> None:
        self.hold()
        self._requested(self, request)

    def _on_text(self, event: TextMessage) -> None:
        if self.state is not State.OPEN:
            return
        try:
            self._pieces.add(event.data)
        except TooLong:
            self.close(Close.TOO_BIG, f"a message may have {self._limits.max_message} bytes")
            return
        if event.message_finished:
            self._silence.talked()
            self.listener.said(self._pieces.whole())

    def _on_bytes(self, event: BytesMessage) -> None:
        self.close(Close.UNSUPPORTED, "send text, not binary")

    def _on_ping(self, ping: Ping) -> None:
        if self.state is State.OPEN:
            self._write(self._frames.send(ping.response()))

    def _on_close(self, event: CloseConnection) -> None:
        state = self._frames.state
        if state is ConnectionState.OPEN:  # what came is no frame
            self.close(event.code, event.reason or "")
            self._is_deaf = True
            return
        self._is_deaf = True
        if state is ConnectionState.REMOTE_CLOSING:
            self._begin_to_close()
            self._write(self._frames.send(event.response()))
        self._drop()

    # Writing -----------------------------------------------------------------------------------

    @property
    def _transport(self) -> Any:
        return self.transport

    def _write(self, data: bytes) -> bool:
        if self._is_choked:
            self._unread += len(data)
            if self._unread > self._limits.max_unread:
                self.abort()
                return False
        self._transport.write(bytes(data))
        return True

    def _flow(self) -> None:
        """Have the transport read, or not."""
        pause = (self._is_held or self._is_choked) and self.state is not State.GONE
        if pause == self._is_paused:
            return
        self._is_paused = pause
        if pause:
            self._transport.pauseProducing()
        else:
            self._transport.resumeProducing()

    def _begin_to_close(self) -> None:
        self.state = State.CLOSING
        self._since = self._clock.seconds()

    def _drop(self) -> None:
        """Close the connection below, when all is written."""
        if self._is_produced:
            self._is_produced = False
            # TLS would wait for it to end.
            self._transport.unregisterProducer()
        self._transport.loseConnection()
