"""All connections of a server, and what they may have together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from twisted.internet.defer import Deferred, succeed
from twisted.internet.protocol import ServerFactory

from pipeline.transports.answers import refusal
from pipeline.transports.http.protocol import METHOD_AND_VERSION, Channel, Request
from pipeline.transports.peers import Admission, peer_of
from pipeline.transports.statistics import Statistics

__all__ = ["Limits", "Server"]


class Limits(NamedTuple):
    """What clients may send, and how long they may take.

    :param max_body: bytes of a body.
    :param body_memory: bytes of all bodies that are kept at the same time.
    :param max_uri: bytes of a URI.
    :param max_headers: how many headers a request may have.
    :param max_head: bytes of all of them, with the request line.
    :param idle_timeout: seconds of silence after which a connection is closed, except while its
        request waits for an answer.
    :param head_timeout: seconds in which all headers must be there.
    :param request_timeout: seconds in which the whole request must be there.
    :param read_timeout: seconds in which an answer must be read.
    """

    max_body: int = 1024 * 1024
    body_memory: int = 256 * 1024 * 1024
    max_uri: int = 8192
    max_headers: int = 100
    max_head: int = 16384
    idle_timeout: float = 60
    head_timeout: float = 20
    request_timeout: float = 60
    read_timeout: float = 60


class Server(ServerFactory):
    """Makes a :class:`~pipeline.transports.http.protocol.Channel` for each connection.

    :param handle: called with each whole request.
    :param clock: the reactor.
    :param limits: what clients may send.
    :param admission: what comes beyond is closed at once.
    :param statistics: counts ``requests``, ``responses_2xx`` and so on, ``timeouts``, ``bytes_in``
        and ``bytes_out`` (of bodies).
    :ivar kept: bytes of bodies that are kept now.
    """

    noisy = False

    def __init__(
        self,
        handle: Callable[[Request], None],
        clock: Any,
        limits: Limits,
        admission: Admission,
        statistics: Statistics,
    ) -> None:
        self.handle = handle
        self.clock = clock
        self.limits = limits
        self.admission = admission
        self.statistics = statistics
        self.channels: set[Channel] = set()
        self.kept = 0
        #: A proxy tells where each connection is from, when it has begun.
        self.is_behind_proxy = False
        #: No connection is kept after its answer.
        self.is_closing = False
        self._all_closed: list[Deferred[None]] = []
        self._all_begun: list[Deferred[None]] = []

    def buildProtocol(self, addr: Any) -> Any:
        peer = peer_of(addr)
        if not self.admission.admit(peer):
            return None
        channel: Any = Channel()
        channel.peer = channel.admitted = peer
        channel.factory = self
        channel.callLater = self.clock.callLater
        channel.timeOut = self.limits.idle_timeout
        channel.MAX_LENGTH = max(self.limits.max_uri + METHOD_AND_VERSION, self.limits.max_head)
        # Ours are looked at first; Twisted's own are there for what has none.
        channel.totalHeadersSize = channel.MAX_LENGTH + self.limits.max_head
        channel.maxHeaders = self.limits.max_headers + 1
        return channel

    def log(self, request: Any) -> None:
        """Twisted's access log: none. What a request does can be seen from its messages."""

    def closed(self, channel: Channel) -> None:
        """A connection is gone."""
        self.channels.discard(channel)
        self.admission.closed(channel.admitted)
        self.begun()
        if not self.channels:
            waiting, self._all_closed = self._all_closed, []
            for each in waiting:
                each.callback(None)

    def begun(self) -> None:
        """A connection has its first request, or is gone."""
        if self._all_begun and not any(channel.is_new for channel in self.channels):
            waiting, self._all_begun = self._all_begun, []
            for each in waiting:
                each.callback(None)

    def when_begun(self) -> Deferred[None]:
        """Fires when every connection has had a request."""
        begun: Deferred[None] = Deferred(self._all_begun.remove)
        self._all_begun.append(begun)
        self.begun()
        return begun

    def when_closed(self) -> Deferred[None]:
        """Fires when no connection is open."""
        if not self.channels:
            return succeed(None)
        closed: Deferred[None] = Deferred(self._all_closed.remove)
        self._all_closed.append(closed)
        return closed

    def end_slow(self) -> None:
        """Close connections whose request comes in too slowly, or whose answer is not read."""
        now = self.clock.seconds()
        for channel in list(self.channels):
            self._end_if_slow(channel, now)

    def _end_if_slow(self, channel: Channel, now: float) -> None:
        limits = self.limits
        unread, since = channel.unread_since, channel.whole_request_since
        if unread is not None and now - unread > limits.read_timeout:
            self.statistics.count("timeouts")
            channel.abort()
            return
        if since is None:
            return
        seconds = limits.head_timeout if channel.is_in_head else limits.request_timeout
        if now - since > min(seconds, limits.request_timeout):
            what = f"a request must be there in {limits.request_timeout:g} s, its headers in "
            channel.give_up(refusal(408, f"{what}{limits.head_timeout:g} s"))

    def close_idle(self) -> None:
        """Close connections that wait for another request, and from now on each after its answer.

        One that has just been made, and whose first request is still on its way, is left alone.
        """
        self.is_closing = True
        for channel in list(self.channels):
            if channel.is_idle and not channel.is_new:
                channel.loseConnection()

    def close_new(self) -> None:
        """Close connections whose first request has not begun to come."""
        for channel in list(self.channels):
            if channel.is_idle:
                channel.loseConnection()

    def abort_all(self) -> None:
        """Close all connections at once."""
        for channel in list(self.channels):
            channel.abort()
