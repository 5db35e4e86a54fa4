"""Posts a body somewhere, within bounds: of time, of connections, of what is read of the answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_pem_x509_certificates
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.error import (
    ConnectError,
    ConnectingCancelledError,
    ConnectionClosed,
    DNSLookupError,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.ssl import Certificate, trustRootFromCertificates
from twisted.python.failure import Failure
from twisted.web.client import (
    Agent,
    BrowserLikePolicyForHTTPS,
    HTTPConnectionPool,
    RequestTransmissionFailed,
    ResponseFailed,
)
from twisted.web.http_headers import Headers
from twisted.web.iweb import IBodyProducer
from zope.interface import implementer

from pipeline.errors import ConfigError, TemporaryFailure

__all__ = ["NotTaken", "Poster"]

#: Bytes of an answer that are read; nobody looks at them.
LONGEST_ANSWER = 64 * 1024

#: The longest that an answer may have us wait with its Retry-After, in seconds.
LONGEST_WAIT = 3600

_UNREACHABLE = (
    ConnectError,
    ConnectingCancelledError,
    ConnectionClosed,
    DNSLookupError,
    RequestTransmissionFailed,
    ResponseFailed,
)


class NotTaken(TemporaryFailure):
    """What was posted was not taken.

    :param what: where, and what was answered.
    :param retry_after: seconds before which it should not be tried again.
    """

    def __init__(self, what: str, retry_after: float = 0) -> None:
        super().__init__(what)
        self.retry_after = retry_after


class Poster:
    """Posts bodies. TLS certificates are verified, and no redirect is followed.

    :param clock: the reactor.
    :param timeout: seconds for all of it, from the name's look-up to the end of the answer.
    :param idle_each: connections that are kept open for each host.
    :param ca: a file with the certificates that are trusted; None: the system's.
    :raise ConfigError: the file can't be used.
    """

    def __init__(self, clock: Any, timeout: float, idle_each: int, ca: str | None = None) -> None:
        self._clock = clock
        self._timeout = timeout
        self._pool = HTTPConnectionPool(clock)
        self._pool.maxPersistentPerHost = idle_each
        self._pool.retryAutomatically = False
        self._agent = Agent(clock, _policy(ca), timeout, pool=self._pool)

    async def post(self, url: str, headers: dict[str, str], body: bytes) -> tuple[int, float]:
        """Post a body.

        :return: the status of the answer, and the seconds of its Retry-After, or 0.
        :raise NotTaken: there was no answer.
        """
        posting = Deferred.fromCoroutine(self._posted(url, headers, body))
        posting.addTimeout(self._timeout, self._clock, _too_late)
        try:
            return await posting
        except _UNREACHABLE as error:
            raise NotTaken(_said(error)) from None

    async def stop(self) -> None:
        """Close what connections are left."""
        await self._pool.closeCachedConnections()

    async def _posted(self, url: str, headers: dict[str, str], body: bytes) -> tuple[int, float]:
        lines = Headers({name: [text] for name, text in headers.items()})
        response = await self._agent.request(b"POST", url.encode(), lines, _Body(body))
        drain = _Drain()
        response.deliverBody(drain)
        await drain.done
        return response.code, _retry_after(response.headers)


@implementer(IBodyProducer)
class _Body:
    """A body that is there."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.length = len(body)

    def startProducing(self, consumer: Any) -> Deferred[None]:
        consumer.write(self._body)
        return succeed(None)

    def pauseProducing(self) -> None: ...

    def resumeProducing(self) -> None: ...

    def stopProducing(self) -> None: ...


class _Drain(Protocol):
    """Reads an answer to its end, so that the connection can be used again, if that is near."""

    def __init__(self) -> None:
        self._left = LONGEST_ANSWER
        self.done: Deferred[None] = Deferred(lambda _: self._abort())

    def dataReceived(self, data: bytes) -> None:
        self._left -= len(data)
        if self._left < 0:
            self._abort()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if not self.done.called:
            self.done.callback(None)

    def _abort(self) -> None:
        transport: Any = self.transport
        if transport is not None:
            getattr(transport, "abortConnection", transport.loseConnection)()


def _policy(file: str | None) -> BrowserLikePolicyForHTTPS:
    if not file:
        return BrowserLikePolicyForHTTPS()
    try:
        found = load_pem_x509_certificates(Path(file).read_bytes())
    except (OSError, ValueError) as error:
        what = getattr(error, "strerror", None) or "it has no certificates as PEM"
        raise ConfigError(f"webhooks.ca: can't use {file}: {what}") from None
    pems = [each.public_bytes(Encoding.PEM) for each in found]
    trusted = [Certificate.loadPEM(pem) for pem in pems]
    return BrowserLikePolicyForHTTPS(trustRootFromCertificates(trusted))


def _too_late(_: Any, seconds: float) -> Failure:
    return Failure(NotTaken(f"no answer in {seconds:g} s"))


def _said(error: BaseException) -> str:
    """What went wrong, in few words.

    :raise CancelledError: nothing did; the worker stops.
    """
    reasons = getattr(error, "reasons", None) or [Failure(error)]
    for reason in reasons:
        if reason.check(CancelledError, ConnectingCancelledError):
            raise CancelledError from None
    said = reasons[0].value
    return f"{type(said).__name__}: {str(said)[:200]}"


def _retry_after(headers: Headers) -> float:
    """Seconds; dates are not understood."""
    text = headers.getRawHeaders(b"Retry-After", [b"0"])[0]
    return min(int(text), LONGEST_WAIT) if text.isdigit() and len(text) < 10 else 0
