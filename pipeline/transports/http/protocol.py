"""HTTP on plain twisted.web, with bounds: on what comes in, on time, on what waits to go out.

twisted.web takes a body of any size before it asks anybody. Here it is refused when its length is
announced, or as soon as it grows beyond the limit; and what was refused is read no further than it
takes to let the client see the answer. It answers most that is wrong with an empty 400, some with
nothing; here each has its status and says what is wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any

from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web.http import RESPONSES, HTTPChannel, datetimeToString
from twisted.web.http import Request as TwistedRequest

from pipeline.transports.answers import Answer, HttpError, Page, refusal, unavailable
from pipeline.transports.peers import peer_of

if TYPE_CHECKING:
    from pipeline.transports.http.server import Server

__all__ = ["Channel", "Request"]

#: Bytes of a refused body that are still read, so that the client gets to the answer.
LINGER_BYTES = 4 * 1024 * 1024

#: Seconds of silence after which a connection with a refused body is closed.
LINGER = 5

#: Bytes of a Content-Length header.
LONGEST_LENGTH = 100

#: Bytes of a request line besides its URI.
METHOD_AND_VERSION = 60


class Request(TwistedRequest):
    """A request whose body is bounded."""

    channel: Channel
    content: BytesIO
    _left = 0
    _is_refused = False

    def gotLength(self, length: int | None) -> None:
        self.content = BytesIO()
        self._left = self.channel.factory.limits.max_body
        wrong = self._wrong_head()
        if wrong is None and length is not None and length > self._left:
            wrong = self._too_large()
        if wrong is not None:
            # Else Twisted would ask the client to go on, after the answer.
            self.requestHeaders.removeHeader("Expect")
            self._refuse(wrong)

    def handleContentChunk(self, data: bytes) -> None:
        self._left -= len(data)
        if not self._is_refused and self._left < 0:
            self._refuse(self._too_large())
        if not self._is_refused and not self.channel.keep(len(data)):
            self._refuse(unavailable("too many bodies come in at the same time"))
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

    def header(self, name: bytes) -> str:
        """What a header says; "" if it isn't there, or there more than once."""
        # As bytes: of text Twisted expects that it is UTF-8, and fails.
        values: Sequence[bytes] = self.requestHeaders.getRawHeaders(name, [])
        return values[0].decode("latin-1") if len(values) == 1 else ""

    @property
    def has_length(self) -> bool:
        """It has said how long its body is, or that it will."""
        headers = self.requestHeaders
        return headers.hasHeader("Content-Length") or headers.hasHeader("Transfer-Encoding")

    def take_body(self) -> bytes:
        """The body, which is kept no longer."""
        body, self.content = self.content.getvalue(), BytesIO()
        self.channel.let_go()
        return body

    def answer(self, answer: Answer | Page) -> None:
        """Write a response; nothing happens when the client is gone."""
        if self._disconnected or self.finished:
            return
        body = answer.body()
        self.setResponseCode(answer.status)
        for name, value in answer.head(len(body)):
            self.responseHeaders.addRawHeader(name.encode(), _octets(value))
        if not self.responseHeaders.hasHeader("Date"):
            self.setHeader("Date", datetimeToString())
        if self.channel.factory.is_closing:
            self.channel.persistent = False
            self.setHeader("Connection", "close")
        self.channel.count_answer(answer.status, len(body))
        self.write(body)
        self.finish()

    def _wrong_head(self) -> HttpError | None:
        """What twisted.web lets pass, and a proxy before us may understand otherwise."""
        is_old = self.channel.version == b"HTTP/1.0"
        hosts = self.requestHeaders.getRawHeaders(b"Host", [])
        if len(hosts) > 1 or (not hosts and not is_old):
            return refusal(400, "expected one Host header")
        codings = self.requestHeaders.getRawHeaders(b"Transfer-Encoding", [])
        if codings and (is_old or [each.lower() for each in codings] != [b"chunked"]):
            return refusal(400, "expected no Transfer-Encoding but chunked, of HTTP/1.1")
        return None

    def _too_large(self) -> HttpError:
        limit = self.channel.factory.limits.max_body
        return refusal(413, f"the body may have {limit} bytes", limit=limit)

    def _refuse(self, error: HttpError) -> None:
        self._is_refused = True
        self.content = BytesIO()
        self.channel.let_go()
        self.channel.answer_and_close(error.answer)
        self.channel.setTimeout(LINGER)


class Channel(HTTPChannel):
    """A connection."""

    factory: Server
    requestFactory = Request
    #: Where it is from, as :func:`~pipeline.transports.peers.peer_of` says; behind a proxy that
    #: tells, where its client is from.
    peer = ""
    #: Where it is from as far as the socket knows.
    admitted = ""
    #: Since when a request is coming in; None between requests.
    whole_request_since: float | None = None
    #: It has had no request yet.
    is_new = True
    #: Since when a client has not read all of its answer; None if it has.
    unread_since: float | None = None
    _kept = 0
    _lines = 0
    _head_size = 0
    _is_in_body = False
    _is_answering = False
    _is_answered_early = False
    _done_when_read: Any = None

    # Coming and going --------------------------------------------------------------------------

    def connectionMade(self) -> None:
        super().connectionMade()
        self.factory.channels.add(self)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.let_go()
        self.factory.closed(self)
        super().connectionLost(reason)

    def timeoutConnection(self) -> None:
        self.factory.statistics.count("timeouts")
        if self.whole_request_since is not None and not self._is_answered_early:
            self.answer_and_close(refusal(408, "the rest of this request did not come").answer)
        super().timeoutConnection()

    # A request comes in ------------------------------------------------------------------------

    def dataReceived(self, data: bytes) -> None:
        self.factory.statistics.count("bytes_in", len(data))
        if self.whole_request_since is None and not self._is_answering:
            self.whole_request_since = self.factory.clock.seconds()
        super().dataReceived(data)

    @property
    def version(self) -> bytes:
        """What the request says that it is."""
        return bytes(self._version)

    @property
    def is_in_head(self) -> bool:
        """Headers are still to come."""
        return not self._is_in_body

    def lineReceived(self, line: bytes) -> None:
        # Before a request there may be one empty line, which Twisted leaves out.
        if line or self._lines:
            self._lines += 1
            self._head_size += len(line)
            wrong = self._wrong_line(line)
            if wrong is not None:
                self._refuse(wrong)
                return
        super().lineReceived(line)

    def lineLengthExceeded(self, line: bytes) -> None:
        self._lines += 1
        self._refuse(self._too_long())

    def headerReceived(self, line: bytes) -> bool:
        # Python reads no number of more than 4300 digits, and Twisted doesn't expect that.
        if len(line) > LONGEST_LENGTH and line[:15].lower() == b"content-length:":
            self._respondToBadRequestAndDisconnect()
            return False
        return bool(super().headerReceived(line))

    def allHeadersReceived(self) -> None:
        self._lines = self._head_size = 0
        self._is_in_body = True
        super().allHeadersReceived()

    def received(self) -> None:
        """A whole request is there."""
        self.factory.statistics.count("requests")
        if self.factory.is_behind_proxy:
            self.peer = peer_of(self.getPeer())
        self.whole_request_since = None
        self._is_in_body = False
        self._is_answering = True
        if self.is_new:
            self.is_new = False
            self.factory.begun()

    def keep(self, length: int) -> bool:
        """Whether there is room for more of a body, which is taken."""
        if self.factory.kept + length > self.factory.limits.body_memory:
            return False
        self._kept += length
        self.factory.kept += length
        return True

    def let_go(self) -> None:
        """Nothing of the body is kept any more."""
        self.factory.kept -= self._kept
        self._kept = 0

    def _wrong_line(self, line: bytes) -> HttpError | None:
        limits = self.factory.limits
        if self._lines == 1:
            uri = max(map(len, line.split(b" ")))
            return self._too_long() if uri > limits.max_uri else None
        if self._lines - 2 > limits.max_headers or self._head_size > limits.max_head:
            return self._too_long()
        # Folded lines are read in different ways by different programs.
        return refusal(400, "a header has one line") if line[:1] in (b" ", b"\t") else None

    def _too_long(self) -> HttpError:
        limits = self.factory.limits
        if self._lines == 1:
            what = f"the URI may have {limits.max_uri} bytes"
            return refusal(414, what, limit=limits.max_uri)
        what = f"there may be {limits.max_headers} headers of {limits.max_head} bytes together"
        return refusal(431, what)

    # It is answered ----------------------------------------------------------------------------

    def requestDone(self, request: Any) -> None:
        self.let_go()
        if self._waitingForTransport:
            # The next one is not begun before this answer is on its way: else answers pile up.
            self._done_when_read = request
            return
        self._is_answering = False
        super().requestDone(request)

    def pauseProducing(self) -> None:
        self.unread_since = self.factory.clock.seconds()
        super().pauseProducing()
        # While a request is in hand Twisted would read on, and keep all that comes.
        self._networkProducer.pauseProducing()

    def resumeProducing(self) -> None:
        self.unread_since = None
        super().resumeProducing()
        done, self._done_when_read = self._done_when_read, None
        if done is None:
            self._networkProducer.resumeProducing()
        else:
            self.requestDone(done)

    @property
    def is_idle(self) -> bool:
        """No request is coming in or being answered."""
        return not self.requests

    def count_answer(self, status: int, length: int) -> None:
        """Count an answer."""
        self.factory.statistics.count(f"responses_{status // 100}xx")
        self.factory.statistics.count("bytes_out", length)

    def answer_and_close(self, answer: Answer) -> None:
        """Answer before the request is there, and after it take nothing more."""
        body = answer.body()
        reason = RESPONSES.get(answer.status, b"").decode()
        more = "".join(f"{name}: {value}\r\n" for name, value in answer.headers)
        head = (
            f"HTTP/1.1 {answer.status} {reason}\r\n"
            "Content-Type: application/json; charset=utf-8\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n{more}\r\n"
        )
        self.persistent = False
        self._is_answered_early = True
        self.count_answer(answer.status, len(body))
        self.write(head.encode() + body)

    def _refuse(self, error: HttpError) -> None:
        if not self._is_answered_early:
            self.answer_and_close(error.answer)
        self.loseConnection()

    def _respondToBadRequestAndDisconnect(self) -> None:
        # Twisted's own has no body; should it be called otherwise one day, nothing is lost.
        self._refuse(refusal(400, "this is not HTTP as it should be"))

    def give_up(self, error: HttpError) -> None:
        """Answer that it is over, and close."""
        if self._is_answered_early:
            self.abort()
            return
        self.factory.statistics.count("timeouts")
        self._refuse(error)
        self.setTimeout(LINGER)

    def abort(self) -> None:
        """Close at once, whatever is under way."""
        if self.transport is not None:
            self.transport.abortConnection()  # type: ignore[attr-defined]  # of TCP and TLS


def _octets(value: str) -> bytes:
    """A header's value: what came in as Latin-1 goes out as it was, other text as UTF-8."""
    try:
        return value.encode("latin-1")
    except UnicodeEncodeError:
        return value.encode()
