"""Fetching a body over HTTP, within bounds: of time, of bytes, of what bytes become."""

from __future__ import annotations

import zlib
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import (
    ConnectError,
    ConnectingCancelledError,
    ConnectionClosed,
    DNSLookupError,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import (
    Agent,
    RequestGenerationFailed,
    RequestTransmissionFailed,
    ResponseDone,
    ResponseFailed,
)
from twisted.web.error import SchemeNotSupported
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers

from pipeline.search.findings import SearchFailed

__all__ = ["Fetcher"]

#: The most bytes of an answer on the wire.
MOST_BYTES = 512 * 1024

#: The most bytes that they may become when they are unpacked.
MOST_UNPACKED = 2 * 1024 * 1024

_FAILED = (
    ConnectError,
    ConnectingCancelledError,
    ConnectionClosed,
    DNSLookupError,
    RequestGenerationFailed,
    RequestTransmissionFailed,
    ResponseFailed,
    SchemeNotSupported,
)
_ENDS = (ResponseDone, PotentialDataLoss)


class Fetcher:
    """Gets bodies, one connection each. TLS is verified, and no redirect is followed.

    :param reactor: connects.
    :param timeout: seconds for a whole answer.
    """

    def __init__(self, reactor: Any, timeout: float) -> None:
        self._reactor = reactor
        self._timeout = timeout
        self._agent = Agent(reactor)

    async def get(self, url: str) -> tuple[int, bytes, Headers]:
        """The answer to a GET.

        :return: its status, its body unpacked, its headers.
        :raise SearchFailed: there is none, it takes too long, or it is too large.
        """
        getting = Deferred.fromCoroutine(self._got(url))
        getting.addTimeout(self._timeout, self._reactor, _too_late)
        try:
            return await getting
        except _FAILED as error:
            reasons = getattr(error, "reasons", None)
            said = reasons[0].value if reasons else error
            raise SearchFailed(f"{type(said).__name__}: {str(said)[:200]}") from None

    async def _got(self, url: str) -> tuple[int, bytes, Headers]:
        headers = Headers({"Accept-Encoding": ["gzip"], "User-Agent": ["txpipeline"]})
        response = await self._agent.request(b"GET", url.encode(), headers)
        collecting = _Collecting()
        response.deliverBody(collecting)
        body = await collecting.whole
        if response.headers.getRawHeaders(b"Content-Encoding", [b""])[-1].lower() == b"gzip":
            body = _unpacked(body)
        return response.code, body, response.headers


class _Collecting(Protocol):
    """Keeps what comes until it ends, or is too much."""

    def __init__(self) -> None:
        self.whole: Deferred[bytes] = Deferred(lambda _: self._abort())
        self._data = bytearray()

    def dataReceived(self, data: bytes) -> None:
        self._data += data
        if len(self._data) > MOST_BYTES and not self.whole.called:
            self._abort()
            self.whole.errback(SearchFailed(f"the answer is longer than {MOST_BYTES} bytes"))
            self._data.clear()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self.whole.called:
            return
        if reason.check(*_ENDS):
            self.whole.callback(bytes(self._data))
        else:
            self.whole.errback(reason)

    def _abort(self) -> None:
        transport: Any = self.transport
        if transport is not None:
            getattr(transport, "abortConnection", transport.loseConnection)()


def _too_late(result: Any, seconds: float) -> Any:
    if isinstance(result, Failure):
        raise SearchFailed(f"no answer in {seconds:g} s")
    return result


def _unpacked(body: bytes) -> bytes:
    """What gzip has packed."""
    unpacking = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        whole = unpacking.decompress(body, MOST_UNPACKED)
    except zlib.error as error:
        raise SearchFailed(f"the answer can't be unpacked: {error}") from None
    if unpacking.unconsumed_tail:
        raise SearchFailed(f"the answer is longer than {MOST_UNPACKED} bytes unpacked")
    return whole
