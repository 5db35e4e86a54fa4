"""A connection that hears what is published on a channel, and mends itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import hiredis
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.task import LoopingCall
from twisted.python.failure import Failure

from pipeline.brokers.redis.address import Address
from pipeline.brokers.redis.link import Link
from pipeline.brokers.redis.refusal import refused
from pipeline.errors import BrokerUnavailable, ServerRefused

__all__ = ["Subscription"]

#: Seconds of silence after which the server is asked whether it is still there; after as many more
#: the connection is given up.
SILENCE = 10.0
#: Kinds of what is pushed, and where in it the channel and the text stand.
_PUSHED = {b"message": (1, 2), b"pmessage": (2, 3)}
_NOTHING = object()

Heard = Callable[[str, bytes], None]


class _Ear(Protocol):
    """The connection itself.

    :param subscribe: the command.
    :param heard: called with each channel and text.
    :param clock: the reactor.
    """

    def __init__(self, subscribe: tuple[str, str], heard: Heard, clock: Any) -> None:
        self._subscribe = subscribe
        self._heard = heard
        self._clock = clock
        self._reader = hiredis.Reader(replyError=refused, notEnoughData=_NOTHING)
        self._answers: list[Any] = []
        self._greeted: Deferred[None] | None = None
        self._expected = 0
        self._quiet = 0
        self._why = ""
        self._is_paused = False
        self._watch = LoopingCall(self._look)
        self._watch.clock = clock
        self.connected: int = 0
        self.lost: Deferred[str] = Deferred()

    async def greet(self, address: Address, name: str) -> None:
        """Say who we are and what we want to hear.

        :raise ServerRefused: the server will not have us.
        :raise BrokerUnavailable: the connection was lost meanwhile.
        """
        commands = [*address.introduction, self._subscribe]
        self._expected = len(commands)
        self._greeted = Deferred()
        self._write(*commands)
        await self._greeted

    def _write(self, *commands: Any) -> None:
        self.transport.write(b"".join(map(hiredis.pack_command, commands)))  # type: ignore[union-attr]  # connected

    def connectionMade(self) -> None:
        transport: Any = self.transport
        if hasattr(transport, "setTcpKeepAlive"):
            transport.setTcpKeepAlive(True)
        self._watch.start(SILENCE, now=False)

    def dataReceived(self, data: bytes) -> None:
        self._quiet = 0
        self._reader.feed(data)
        try:
            while (reply := self._reader.gets()) is not _NOTHING:
                self._take(reply)
        except hiredis.ProtocolError as error:
            self.give_up(f"the server does not speak Redis' protocol: {error}")

    def _take(self, reply: Any) -> None:
        places = _PUSHED.get(reply[0]) if isinstance(reply, list) and reply else None
        if places is not None:
            channel, text = (reply[place] for place in places)
            self._heard(channel.decode("utf-8", "replace"), text)
        elif self._greeted is not None:
            self._answer(reply)

    def _answer(self, reply: Any) -> None:
        self._expected -= 1
        greeted = self._greeted
        if isinstance(reply, ServerRefused):
            self._greeted = None
            greeted.errback(reply)  # type: ignore[union-attr]  # asked for
        elif not self._expected:
            self._greeted = None
            greeted.callback(None)  # type: ignore[union-attr]  # asked for

    def pause(self) -> None:
        """Read nothing for now."""
        self._is_paused = True
        self.transport.pauseProducing()  # type: ignore[union-attr]  # connected

    def resume(self) -> None:
        """Read again."""
        self._is_paused, self._quiet = False, 0
        self.transport.resumeProducing()  # type: ignore[union-attr]  # connected

    def _look(self) -> None:
        if self._is_paused:
            return
        self._quiet += 1
        if self._quiet > 2:
            self.give_up(f"no answer for {SILENCE:g} s")
        elif self._quiet > 1:
            self._write(("PING",))

    def give_up(self, why: str) -> None:
        """End the connection now."""
        self.close(why)
        self.transport.abortConnection()  # type: ignore[union-attr]  # connected

    def close(self, why: str) -> None:
        """End the connection; nothing that was sent waits for an answer."""
        self.connected = 0
        self._why = self._why or why
        self.transport.loseConnection()  # type: ignore[union-attr]  # connected

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.connected = 0
        if self._watch.running:
            self._watch.stop()
        self._why = self._why or reason.getErrorMessage()
        greeted, self._greeted = self._greeted, None
        if greeted is not None:
            greeted.errback(BrokerUnavailable(f"the connection was lost: {self._why}"))
        self.lost.callback(self._why)


class Subscription(Link[_Ear]):
    """Hears a channel or a pattern of channels, as long as there is a connection.

    :param address: where the server is.
    :param reactor: gives the time and makes the connection.
    :param subscribe: ``SUBSCRIBE`` or ``PSUBSCRIBE``, and the channel or pattern.
    :param heard: called with each channel and text.
    :param on_up: called each time that it listens.
    :param on_down: called with the reason each time that the connection is lost.
    """

    #: It has no number by which another connection could wake it.
    client_id = None

    def __init__(
        self,
        address: Address,
        reactor: Any,
        subscribe: tuple[str, str],
        heard: Heard,
        on_up: Callable[[], None],
        on_down: Callable[[str], None],
    ) -> None:
        def make() -> _Ear:
            return _Ear(subscribe, heard, reactor)

        super().__init__(address, reactor, make, "", on_up, on_down)

    def pause(self) -> None:
        """Hear nothing for now: the server keeps it, up to its limit, and then hangs up."""
        if self._protocol is not None:
            self._protocol.pause()

    def resume(self) -> None:
        """Hear again."""
        if self._protocol is not None:
            self._protocol.resume()
