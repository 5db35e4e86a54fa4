"""HTTP on plain twisted.web, with bounds: on bodies, on time, on what is open.

twisted.web takes a body of any size before it asks anybody. Here it is refused when its length is
announced, or as soon as it grows beyond the limit; and what was refused is read no further than it
takes to let the client see the answer.
"""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.protocol import ServerFactory, connectionDone
from twisted.python.failure import Failure
from twisted.web.http import RESPONSES, HTTPChannel
from twisted.web.http import Request as TwistedRequest

from pipeline.transports.answers import Answer, refusal
from pipeline.transports.peers import Admission, peer_of

__all__ = ["Channel", "Request", "Server"]

#: Bytes of a refused body that are still read, so that the client gets to the answer.
LINGER_BYTES = 4 * 1024 * 1024

#: Seconds of silence after which a connection with a refused body is closed.
LINGER = 5

#: Seconds in which a request must be there as a whole, however slowly it comes.
WHOLE_REQUEST = 60

#: Bytes of a Content-Length header.
LONGEST_LENGTH = 100


class Request(TwistedRequest):
    """A request whose body is bounded."""

    channel: Channel
    content: BytesIO
    _left = 0
    _is_refused = False

    def gotLength(self, length: int | None) -> None:
        self.content = BytesIO()
        self._left = self.channel.factory.max_body
        if length is not None and length > self._left:
            # Else Twisted would ask the client to go on, after the answer.
            self.requestHeaders.removeHeader("Expect")
            self._refuse()

    def handleContentChunk(self, data: bytes) -> None:
        self._left -= len(data)
        if not self._is_refused and self._left < 0:
            self._refuse()
        if not self._is_refused:
            self.content.write(data)
        elif self._left < -LINGER_BYTES:
            self.channel.abort()

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        self.channel.received()
        if self._is_refused:
            self.channel.loseConnection()
            return
        self.method, self.uri, self.clientproto = command, path, version
        self.path, _, self.query = path.partition(b"?")
        self.channel.factory.handle(self)

    def answer(self, answer: Answer) -> None:
        """Write a response; nothing happens when the client is gone."""
        if self._disconnected or self.finished:
            return
        body = answer.body()
        self.setResponseCode(answer.status)
        self._set_headers(answer, body)
        if self.channel.factory.is_closing:
            self.channel.persistent = False
            self.setHeader("Connection", "close")
        self.write(body)
        self.finish()

    def _set_headers(self, answer: Answer, body: bytes) -> None:
        self.setHeader("Content-Type", "application/json; charset=utf-8")
        self.setHeader("Content-Length", str(len(body)))
        self.setHeader("Cache-Control", "no-store")
        for name, value in answer.headers:
            self.responseHeaders.addRawHeader(name, value)

    def _refuse(self) -> None:
        self._is_refused = True
        self.content = BytesIO()
        limit = self.channel.factory.max_body
        answer = refusal(413, f"the body may have {limit} bytes", limit=limit).answer
        self.channel.answer_and_close(answer)
        self.channel.setTimeout(LINGER)


class Channel(HTTPChannel):
    """A connection."""

    factory: Server
    requestFactory = Request
    #: Where it is from, as :func:`~pipeline.transports.peers.peer_of` says.
    peer = ""
    #: Since when a request is coming in; None between requests.
    whole_request_since: float | None = None
    _is_answering = False
    _is_answered_early = False

    def connectionMade(self) -> None:
        super().connectionMade()
        self.factory.channels.add(self)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.factory.closed(self)
        super().connectionLost(reason)

    def dataReceived(self, data: bytes) -> None:
        if self.whole_request_since is None and not self._is_answering:
            self.whole_request_since = self.factory.clock.seconds()
        super().dataReceived(data)

    def headerReceived(self, line: bytes) -> bool:
        # Python reads no number of more than 4300 digits, and Twisted doesn't expect that.
        if len(line) > LONGEST_LENGTH and line[:15].lower() == b"content-length:":
            self._respondToBadRequestAndDisconnect()
            return False
        return bool(super().headerReceived(line))

    def received(self) -> None:
        """A whole request is there."""
        self.whole_request_since = None
        self._is_answering = True

    def requestDone(self, request: Any) -> None:
        self._is_answering = False
        super().requestDone(request)

    @property
    def is_idle(self) -> bool:
        """No request is coming in or being answered."""
        return not self.requests

    def answer_and_close(self, answer: Answer) -> None:
        """Answer before the request is there, and after it take nothing more."""
        body = answer.body()
        reason = RESPONSES[answer.status].decode()
        head = (
            f"HTTP/1.1 {answer.status} {reason}\r\n"
            "Content-Type: application/json; charset=utf-8\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        self.persistent = False
        self._is_answered_early = True
        self.write(head.encode() + body)

    def _respondToBadRequestAndDisconnect(self) -> None:
        # Twisted's own has no body; should it be called otherwise one day, nothing is lost.
        if not self._is_answered_early:
            self.answer_and_close(refusal(400, "this is not HTTP as it should be").answer)
        self.loseConnection()

    def abort(self) -> None:
        """Close at once, whatever is under way."""
        if self.transport is not None:
            self.transport.abortConnection()  # type: ignore[attr-defined]  # of TCP and TLS


class Server(ServerFactory):
    """Makes a :class:`Channel` for each connection.

    :param handle: called with each whole :class:`Request`.
    :param clock: the reactor.
    :param max_body: bytes that a body may have.
    :param idle_timeout: seconds of silence after which a connection is closed, except while
        its request waits for an answer.
    :param admission: what comes beyond is closed at once.
    """

    noisy = False

    def __init__(
        self,
        handle: Callable[[Request], None],
        clock: Any,
        *,
        max_body: int,
        idle_timeout: float,
        admission: Admission,
    ) -> None:
        self.handle = handle
        self.clock = clock
        self.max_body = max_body
        self.idle_timeout = idle_timeout
        self.admission = admission
        self.channels: set[Channel] = set()
        #: No connection is kept after its answer.
        self.is_closing = False
        self._all_closed: list[Deferred[None]] = []

    def buildProtocol(self, addr: Any) -> Any:
        peer = peer_of(addr)
        if not self.admission.admit(peer):
            return None
        channel: Any = Channel()
        channel.peer = peer
        channel.factory = self
        channel.callLater = self.clock.callLater
        channel.timeOut = self.idle_timeout
        return channel

    def log(self, request: Any) -> None:
        """Twisted's access log: none. What a request does can be seen from its messages."""

    def closed(self, channel: Channel) -> None:
        """A connection is gone."""
        self.channels.discard(channel)
        self.admission.closed(channel.peer)
        if not self.channels:
            waiting, self._all_closed = self._all_closed, []
            for each in waiting:
                each.callback(None)

    def when_closed(self) -> Deferred[None]:
        """Fires when no connection is open."""
        if not self.channels:
            return succeed(None)
        closed: Deferred[None] = Deferred(self._all_closed.remove)
        self._all_closed.append(closed)
        return closed

    def abort_slow(self) -> None:
        """Close connections whose request has been coming in for too long."""
        oldest = self.clock.seconds() - WHOLE_REQUEST
        for channel in list(self.channels):
            since = channel.whole_request_since
            if since is not None and since < oldest:
                channel.abort()

    def close_idle(self) -> None:
        """Close connections without a request, and from now on each after its answer."""
        self.is_closing = True
        for channel in list(self.channels):
            if channel.is_idle:
                channel.loseConnection()

    def abort_all(self) -> None:
        """Close all connections at once."""
        for channel in list(self.channels):
            channel.abort()
