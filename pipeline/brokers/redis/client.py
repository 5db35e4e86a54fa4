"""A connection to a Redis server that mends itself; the one module that knows txredisapi.

Importing it installs the reactor, since importing txredisapi does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from socket import SO_SNDBUF, SOL_SOCKET
from typing import Any

import hiredis
import txredisapi
from twisted.internet.abstract import FileDescriptor
from twisted.internet.address import UNIXAddress
from twisted.internet.defer import Deferred, fail, succeed
from twisted.python.failure import Failure

from pipeline.brokers.redis.address import Address
from pipeline.brokers.redis.checks import server_checks
from pipeline.brokers.redis.inflight import LOOKS, Batch, InFlight, Single
from pipeline.brokers.redis.link import Link
from pipeline.brokers.redis.refusal import refused, with_keys
from pipeline.brokers.redis.script import Script
from pipeline.errors import BrokerUnavailable, ServerRefused
from pipeline.ticks import until_tick

__all__ = ["Client", "Script", "server_checks"]

Argument = bytes | str | int

#: Seconds that a polite end of a connection may take.
CLOSE_LIMIT = 1.0

#: The bytes that the system takes on a Unix socket before anybody reads, as far as it allows: a
#: large command whole, so that the server is at work on it while we make the next. On others the
#: system finds the size by itself.
SEND_BUFFER = 1_000_000

#: What PING may answer on a server that is of use nevertheless.
_TOLERATED = frozenset({"BUSY", "MASTERDOWN", "MISCONF", "NOPERM"})
_NOTHING = object()
_pack: Callable[[Any], bytes] = hiredis.pack_command


def _make_room(transport: Any) -> None:
    if isinstance(transport.getPeer(), UNIXAddress):
        with suppress(OSError):
            transport.getHandle().setsockopt(SOL_SOCKET, SO_SNDBUF, SEND_BUFFER)


class _Protocol(txredisapi.HiredisProtocol):  # type: ignore[misc]  # untyped
    """txredisapi's protocol with a faster way through, one Deferred for a batch, and a limit.

    The way of packing, sending and receiving is replaced; txredisapi's own command methods go
    through it too.
    """

    def __init__(self, clock: Any, max_pending: int, reply_timeout: float | None) -> None:
        super().__init__(charset=None, convertNumbers=False)
        self._reader = hiredis.Reader(replyError=refused, notEnoughData=_NOTHING)
        self._max_pending = max_pending
        self._reply_timeout = reply_timeout
        self._clock = clock
        self._watch: Any = None
        self._in_flight = InFlight()
        self._why = ""
        self._write_now: Callable[[], Any] | None = None
        self._write_some: Callable[[bytes], Any] | None = None
        self.connected: int = 0
        self.client_id: int | None = None
        self.lost: Deferred[str] = Deferred()

    def connectionMade(self) -> None:
        for option in ("setTcpNoDelay", "setTcpKeepAlive"):
            if hasattr(self.transport, option):
                getattr(self.transport, option)(True)
        # TLS is a wrapper whose unknown attributes are those of the socket behind it, where what is
        # written would go past the encryption.
        if isinstance(self.transport, FileDescriptor):
            self._write_now, self._write_some = self.transport.doWrite, self.transport.writeSomeData
            _make_room(self.transport)
        self._look_later()

    async def greet(self, address: Address, name: str) -> None:
        """Say who we are and which database we mean.

        :raises ServerRefused: the server will not have us, or not yet.
        :raises BrokerUnavailable: the connection was lost meanwhile.
        """
        musts = address.introduction
        wishes = [("PING",), ("CLIENT", "ID"), *([("CLIENT", "SETNAME", name)] if name else [])]
        replies = await self._exchange([*musts, *wishes])
        ping, client_id = replies[len(musts) : len(musts) + 2]
        for reply in replies[: len(musts)]:
            if isinstance(reply, ServerRefused):
                raise reply
        if isinstance(ping, ServerRefused) and ping.code not in _TOLERATED:
            raise ping
        self.client_id = client_id if isinstance(client_id, int) else None

    async def _exchange(self, greeting: Sequence[Sequence[Argument]]) -> list[Any]:
        batch = Batch(len(greeting))
        try:
            replies: list[Any] = await self._write(batch, greeting)
        except BrokerUnavailable:
            # A full or a protected server says one error, unasked, and hangs up.
            if batch.replies and isinstance(batch.replies[0], ServerRefused):
                raise batch.replies[0] from None
            raise
        return replies

    def send(self, command: Sequence[Argument], patience: float = 0.0) -> Deferred[Any]:
        """Send one command."""
        return self._write_bounded(Single(1, patience), [command])

    def send_many(self, commands: Sequence[Sequence[Argument]]) -> Deferred[list[Any]]:
        """Send several in one write."""
        return self._write_bounded(Batch(len(commands)), commands)

    def _write_bounded(self, batch: Batch, commands: Sequence[Sequence[Argument]]) -> Deferred[Any]:
        if self._in_flight.commands + batch.count > self._max_pending:
            return fail(BrokerUnavailable("too many commands in flight"))
        return self._write(batch, commands)

    def _write(self, batch: Batch, commands: Sequence[Sequence[Argument]]) -> Deferred[Any]:
        if not self.connected:
            return fail(BrokerUnavailable(f"the connection was lost: {self._why}"))
        try:
            packed = b"".join(map(_pack, commands))
        except (TypeError, ValueError) as error:
            return fail(error)
        # While nothing is in flight the transport holds nothing back that would have to go before.
        left = packed if self._in_flight.commands else self._left_of(packed)
        self._in_flight.add(batch)
        if left:
            self.transport.write(left)
        return batch.deferred

    def _left_of(self, packed: bytes) -> bytes:
        """What the system doesn't take at once."""
        if self._write_some is None:
            return packed
        taken = self._write_some(packed)
        # Else the connection is lost, as the reactor will find when it tries.
        return packed[taken:] if isinstance(taken, int) else packed

    def flush(self) -> None:
        """Give the system what was written, now and not at the end of the reactor's turn.

        What it doesn't take, and an error, is left to the reactor, which tries again.
        """
        if self.connected and self._write_now is not None:
            self._write_now()

    def _build_command(self, *args: Any, **kwargs: Any) -> bytes:
        return _pack(args)

    def execute_command(self, *args: Any, **kwargs: Any) -> Deferred[Any]:
        """What txredisapi's own methods send through."""
        sent = self.send(args)
        after = kwargs.get("post_proc")
        return sent.addCallback(after) if callable(after) else sent

    def dataReceived(self, data: bytes, unpause: bool = False) -> None:
        self._in_flight.heard()
        self._reader.feed(data)
        gets, take = self._reader.gets, self.replyReceived
        try:
            while (reply := gets()) is not _NOTHING:
                take(reply)
        except hiredis.ProtocolError as error:
            self.give_up(f"the server does not speak Redis' protocol: {error}")

    def replyReceived(self, reply: Any) -> None:
        try:
            self._in_flight.take(reply)
        except IndexError:
            self.give_up(f"a reply that nobody asked for: {reply!s:.200}")

    def _look_later(self) -> None:
        if self._reply_timeout is not None:
            wait = until_tick(self._clock, self._reply_timeout / LOOKS)
            self._watch = self._clock.callLater(wait, self._look)

    def _look(self) -> None:
        self._look_later()
        if self._reply_timeout and self._in_flight.is_silent(self._reply_timeout):
            self.give_up(f"no reply for {self._reply_timeout:g} s")

    def give_up(self, why: str) -> None:
        """End the connection now."""
        if self.connected:
            self.connected = 0
            self._why = why
            self.transport.abortConnection()

    def close(self, why: str) -> None:
        """End the connection politely, or else after :data:`CLOSE_LIMIT` by force."""
        self.connected = 0
        self._why = why
        self.transport.loseConnection()
        force = self._clock.callLater(CLOSE_LIMIT, self.transport.abortConnection)

        def closed(why: str) -> str:
            if force.active():
                force.cancel()
            return why

        self.lost.addCallback(closed)

    def connectionLost(self, why: Failure) -> None:
        if self._watch is not None:
            self._watch.cancel()
        self._why = self._why or why.getErrorMessage() or repr(why.value)
        super().connectionLost(why)
        self._in_flight.fail(f"the connection was lost: {self._why}")
        self.lost.callback(self._why)


class Client(Link[_Protocol]):
    """A connection to a Redis server that mends itself.

    It connects, and after a loss again, until it is stopped, with pauses that grow from 50 ms
    to 2 s. While it is down every command fails at once; none is kept, since only the caller
    knows whether it may be sent twice.

    :param address: where the server is.
    :param reactor: gives the time and makes the connection.
    :param name: what CLIENT LIST shows; '' for nothing.
    :param max_pending: how many commands may wait for replies; more fail at once with
        :exc:`BrokerUnavailable`.
    :param reply_timeout: seconds of silence, at most, while a reply is due, after which the
        connection is given up as half-open; None to wait for ever.
    :param on_up: called each time that the connection is up, before :meth:`when_up` fires.
    :param on_down: called with the reason each time that an established connection is lost,
        when its commands have failed; not called by :meth:`stop`.
    :raises ConfigError: the address' file of CA certificates can't be read.
    """

    def __init__(
        self,
        address: Address,
        reactor: Any,
        *,
        name: str = "",
        max_pending: int = 10000,
        reply_timeout: float | None = 10.0,
        on_up: Callable[[], None] | None = None,
        on_down: Callable[[str], None] | None = None,
    ) -> None:
        def make() -> _Protocol:
            return _Protocol(reactor, max_pending, reply_timeout)

        super().__init__(address, reactor, make, name, on_up, on_down)

    @property
    def client_id(self) -> int | None:
        """This connection's number at the server, for CLIENT UNBLOCK by another one.

        None while there is no connection, or when the ACL keeps it from us. Each connection
        gets a new one.
        """
        return None if self._protocol is None else self._protocol.client_id

    def execute(self, *args: Argument) -> Deferred[Any]:
        """Send one command.

        :param args: its words; a str goes out as UTF-8.
        :returns: the reply as it is: bytes, int, list or None. An error inside a list stays
            there, as a :exc:`ServerRefused` instance. Fails, never raises: with
            :exc:`ServerRefused` when the server answers with an error; with
            :exc:`BrokerUnavailable` when there is no connection (at once), when it is lost
            before the reply (the command may have been carried out), or when ``max_pending``
            is reached; with TypeError or ValueError for a word that can't be sent. Cancelling
            forgets the reply; it does not call the command back.
        """
        if self._protocol is None:
            return fail(self._unavailable())
        return self._protocol.send(args)

    def execute_many(self, commands: Sequence[tuple[Argument, ...]]) -> Deferred[list[Any]]:
        """Send several commands in one write, one after another, not as a transaction.

        :returns: the replies, in order; a :exc:`ServerRefused` instance in the list for each
            command that the server refused. Fails as :meth:`execute` does, for all of them.
        """
        if self._protocol is None:
            return fail(self._unavailable())
        return self._protocol.send_many(commands) if commands else succeed([])

    def execute_blocking(self, *args: Argument, seconds: float) -> Deferred[Any]:
        """Send a command that waits at the server, as XREADGROUP .. BLOCK does.

        Everything else on this connection waits behind it: give each reader its own client,
        and end its wait by CLIENT UNBLOCK with :attr:`client_id` from another.

        :param seconds: how long the command itself may wait; the connection is given up after
            ``reply_timeout`` more.
        :returns: as :meth:`execute` does.
        """
        if self._protocol is None:
            return fail(self._unavailable())
        return self._protocol.send(args, seconds)

    def run(
        self, script: Script, keys: Sequence[Argument], args: Sequence[Argument]
    ) -> Deferred[Any]:
        """Run a script by its hash, sending its source when the server does not know it.

        Of several runs in flight, one that had to be sent again may come after a later one.

        :returns: as :meth:`execute` does.
        """
        call = (len(keys), *keys, *args)
        done = self.execute("EVALSHA", script.sha, *call)
        return done.addErrback(self._not_run, script, keys, call)

    def _not_run(
        self, why: Failure, script: Script, keys: Sequence[Argument], call: tuple[Argument, ...]
    ) -> Any:
        if getattr(why.value, "code", "") != "NOSCRIPT":
            return with_keys(why, keys)
        return self.execute("EVAL", script.source, *call).addErrback(with_keys, keys)

    def flush(self) -> None:
        """Have the commands that were sent leave now, not at the end of the reactor's turn."""
        if self._protocol is not None:
            self._protocol.flush()
