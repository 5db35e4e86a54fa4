"""A connection that mends itself, whatever is said on it."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar, cast

from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.error import ConnectError, ConnectingCancelledError, DNSLookupError
from twisted.internet.protocol import Factory
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from pipeline.brokers.redis.address import Address
from pipeline.brokers.redis.endpoint import endpoint_to
from pipeline.errors import BrokerUnavailable, ServerRefused

__all__ = ["Link", "Wired"]

#: Seconds between attempts to connect: the first pause, and the longest.
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 2.0
#: Seconds that a connection may take to be made.
CONNECT_LIMIT = 10.0

_STOPPED = "the client was stopped"


class Wired(Protocol):
    """What a link needs of the protocol it makes."""

    #: True while something can be sent.
    connected: Any
    #: Fires with the reason when the connection is gone.
    lost: Deferred[str]

    async def greet(self, address: Address, name: str) -> None:
        """Say who we are; fail when the server will not have us."""

    def give_up(self, why: str) -> None:
        """End the connection now."""

    def close(self, why: str) -> None:
        """End the connection politely."""


P = TypeVar("P", bound=Wired)
T = TypeVar("T")


class Link(Generic[P]):
    """A connection that mends itself.

    It connects, and after a loss again, until it is stopped, with pauses that grow from 50 ms
    to 2 s. Only changes of its state are logged, never the single attempts.
    """

    _log = Logger()

    def __init__(
        self,
        address: Address,
        reactor: Any,
        make: Callable[[], P],
        name: str,
        on_up: Callable[[], None] | None,
        on_down: Callable[[str], None] | None,
    ) -> None:
        #: Where the server is.
        self.address = address
        #: Why there is no connection, in words; None when there is one, or before the first try.
        self.problem: str | None = None
        self._reactor = reactor
        self._name = name
        self._on_up = on_up
        self._on_down = on_down
        self._endpoint = endpoint_to(address, reactor, CONNECT_LIMIT)
        self._factory = Factory.forProtocol(cast(Any, make))
        self._factory.noisy = False
        self._protocol: P | None = None
        self._loop: Deferred[None] | None = None
        self._step: Deferred[Any] | None = None
        self._stopping = False
        self._over = False
        self._state = ""
        self._waiting_for_up: list[Deferred[None]] = []
        self._waiting_for_stop: list[Deferred[None]] = []

    @property
    def connected(self) -> bool:
        """True while commands can be sent."""
        return self._protocol is not None and bool(self._protocol.connected)

    def start(self) -> Deferred[None]:
        """Begin to connect, and keep connected until :meth:`stop`.

        :returns: fires at the first connection. It does not fail for a server that is away or
            that refuses us, as by a wrong password: that is logged, told by :attr:`problem`,
            and tried again. It fails with :exc:`BrokerUnavailable` if stopped before.
        """
        self._over = False
        up = self.when_up()
        if self._loop is None:
            self.problem, self._stopping = None, False
            self._loop = Deferred.fromCoroutine(self._keep_connected())
            self._loop.addBoth(self._ended)
        return up

    def stop(self) -> Deferred[None]:
        """Close the connection and try no more; commands in flight fail.

        :returns: fires when the connection is closed, after 1 s at most.
        """
        if self._loop is None:
            return succeed(None)
        done: Deferred[None] = Deferred()
        self._waiting_for_stop.append(done)
        if not self._stopping:
            self._stopping = True
            self._leave()
        return done

    def when_up(self) -> Deferred[None]:
        """Wait until there is a connection.

        :returns: fires at once when there is one; may be cancelled; fails with
            :exc:`BrokerUnavailable` when the client is stopped, or was.
        """
        if self.connected:
            return succeed(None)
        if self._over:
            return fail(self._unavailable())
        up: Deferred[None] = Deferred(self._waiting_for_up.remove)
        self._waiting_for_up.append(up)
        return up

    def _unavailable(self) -> BrokerUnavailable:
        return BrokerUnavailable(f"no connection to {self.address}: {self.problem or 'not yet'}")

    def _leave(self) -> None:
        if self._protocol is not None:
            self._protocol.close(_STOPPED)
        elif self._step is not None:
            self._step.cancel()

    async def _keep_connected(self) -> None:
        attempt = 0
        while not self._stopping:
            protocol = await self._try_to_connect()
            if protocol is not None and await self._stays_up(protocol):
                attempt = 0
            if not self._stopping:
                await self._take(deferLater(self._reactor, _pause(attempt)))
                attempt += 1

    async def _take(self, step: Deferred[T]) -> T | None:
        """Take a step that :meth:`stop` may cut short; None when it did."""
        self._step = step
        try:
            return await step
        except (CancelledError, ConnectingCancelledError):
            if not self._stopping:
                raise
            return None
        finally:
            self._step = None

    async def _try_to_connect(self) -> P | None:
        try:
            return await self._take(Deferred.fromCoroutine(self._connect()))
        except (BrokerUnavailable, ConnectError, DNSLookupError, OSError) as error:
            # Whoever stops while a name is looked up is told that there is no such name.
            if not self._stopping:
                self._tell_away(str(error) or type(error).__name__)
        except ServerRefused as error:
            self._tell_refused(str(error))
        return None

    async def _connect(self) -> P:
        protocol = cast(P, await self._endpoint.connect(self._factory))
        try:
            await protocol.greet(self.address, self._name)
        except BaseException:
            protocol.give_up("the greeting failed")
            await protocol.lost
            raise
        return protocol

    async def _stays_up(self, protocol: P) -> bool:
        """Serve one connection to its end; say whether it lasted for a while."""
        since = self._reactor.seconds()
        self._went_up(protocol)
        self._went_down(await protocol.lost)
        return bool(self._reactor.seconds() - since > LONGEST_PAUSE)

    def _went_up(self, protocol: P) -> None:
        self._protocol, self.problem, self._state = protocol, None, "up"
        self._log.info("connected to {at}", at=str(self.address))
        if self._on_up is not None:
            with self._log.failuresHandled("while telling that the connection is up"):
                self._on_up()
        waiting, self._waiting_for_up = self._waiting_for_up, []
        for up in waiting:
            up.callback(None)

    def _went_down(self, why: str) -> None:
        self._protocol = None
        if self._stopping:
            return
        self._tell_away(why)
        if self._on_down is not None:
            with self._log.failuresHandled("while telling that the connection is down"):
                self._on_down(why)

    def _tell_away(self, why: str) -> None:
        self.problem = why
        if self._state != "away":
            self._state = "away"
            self._log.warn("no connection to {at}: {why}", at=str(self.address), why=why)

    def _tell_refused(self, why: str) -> None:
        self.problem = f"the server refused us: {why}"
        if self._state != why:
            self._state = why
            self._log.error("{at}: {problem}", at=str(self.address), problem=self.problem)

    def _ended(self, result: Any) -> None:
        why = _STOPPED
        if isinstance(result, Failure):
            why = f"the client broke: {result.getErrorMessage()}"
            self._log.failure("the loop that keeps connected broke", result)
        self._loop, self._state, self.problem, self._over = None, "", why, True
        waiting, self._waiting_for_up = self._waiting_for_up, []
        for up in waiting:
            up.errback(BrokerUnavailable(why))
        stopped, self._waiting_for_stop = self._waiting_for_stop, []
        for done in stopped:
            done.callback(None)


def _pause(attempt: int) -> float:
    return min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(attempt, 10)) * random.uniform(0.5, 1.0)
