"""The transport that speaks in lines of text."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.internet.interfaces import IListeningPort

from pipeline.message import ResultMessage, UserMessage
from pipeline.message.ids import random_id
from pipeline.transports.base import Transport
from pipeline.transports.connections import CONNECTION, Connections
from pipeline.transports.lines.config import LinesConfig
from pipeline.transports.lines.server import Server
from pipeline.transports.lines.session import House, Session
from pipeline.transports.listening import Listening

__all__ = ["LinesTransport"]

#: Seconds that clients get to take the last line, when the deadline is over.
LAST_WORDS = 1.0
#: Seconds in which the application may still be told that sessions are closed.
LAST_NEWS = 0.5


class LinesTransport(Transport):
    """Holds a session with everybody who connects, by telnet, netcat or a program's socket.

    A connection is a session: a message ``new`` without content, one ``resume`` for each line,
    ``close`` when it ends, as Vumi's telnet transport has it (0.6.19,
    ``vumi.transports.telnet``). Messages are from the client's ``host:port``. Replies are written
    as lines; one that closes the session closes the connection after its text.

    A reply goes to the connection that it answers, in the process that has it, over a queue of
    that process's own. What answers nothing is for who is connected as its ``to_addr``. An ack
    says that it is written to the connection; a nack that this isn't there any more, or doesn't
    read.

    :ivar port: the open port, after the start.
    """

    CONFIG_CLASS = LinesConfig

    port: IListeningPort | None = None

    def setup_transport(self) -> None:
        """Make everything but the port."""
        config = self.config
        self._listening = Listening.of(config)
        instance = config.instance or random_id()
        self.connections: Connections[Session] = Connections(self, instance)
        self._server = Server(
            House(config, self.clock, self.publish_inbound, self.statistics, self.connections)
        )
        self.statistics.gauge("connected", lambda: len(self._server))
        self.connector.consume_instance("outbound", instance)

    def start_worker(self) -> Deferred[None]:
        """Start, and listen when everything else is ready."""
        return Deferred.fromCoroutine(self._start_and_listen())

    def stop_worker(self, deadline: float | None = None) -> Deferred[None]:
        """Listen no more, let lines have their answers within the deadline, then stop."""
        seconds = self.config.stop_timeout if deadline is None else deadline
        return Deferred.fromCoroutine(self._finish_and_stop(seconds))

    def hurry(self) -> None:
        """Let the time to finish be over."""
        self._server.hurry()
        super().hurry()

    def handle_outbound_message(self, message: UserMessage) -> Any:
        """Write a message to the connection that it is for; an ack or a nack says how it went."""
        session = self._session_for(message)
        if session is None:
            return self._elsewhere(message)
        if isinstance(message, ResultMessage):
            return session.failed(message)
        problem = session.answer(message)
        if problem is not None:
            return self._undelivered(message, problem)
        self.statistics.count("messages_out")
        return self.publish_ack(message.message_id, message.message_id)

    def _session_for(self, message: UserMessage) -> Session | None:
        session = self.connections.for_message(message)
        asked = message.transport_metadata.get(CONNECTION)
        # Another client may have the port now that the one that asked had.
        return None if asked and session is not None and session.id != asked else session

    async def _elsewhere(self, message: UserMessage) -> None:
        """Pass a message on to the process that has its connection, if there is one."""
        was_asked_here = (
            message.transport_metadata.get("reply_instance") == self.connections.instance
        )
        if not was_asked_here and await self.connections.pass_on(message):
            self.statistics.count("passed_on")
        elif not isinstance(message, ResultMessage):
            await self._undelivered(message, "nobody is connected there")

    def _undelivered(self, message: UserMessage, why: str) -> Deferred[Any]:
        self.statistics.count("undelivered")
        return self.publish_nack(message.message_id, why)

    async def _start_and_listen(self) -> None:
        await super().start_worker()
        try:
            self.port = await self._listening.open(self._server, self.clock)
        except BaseException:
            await super().stop_worker(0)
            raise
        self.connections.start()
        where = _host_and_port(self.port)
        self._server.to_addr = self.config.to_addr or where
        self.log.info("listening for lines on {where}", where=where)

    async def _finish_and_stop(self, deadline: float) -> None:
        end = self.clock.seconds() + deadline
        if self.port is not None:
            await maybeDeferred(self.port.stopListening)
            self.port = None
            await self._finish(deadline)
        await super().stop_worker(max(0.0, end - self.clock.seconds()))

    async def _finish(self, deadline: float) -> None:
        self._server.finish()
        if not await self._is_over_within(deadline):
            self._server.hurry()
            await self._is_over_within(LAST_WORDS)
        self._server.abort()
        await self._is_over_within(LAST_NEWS)
        await self.connections.stop()

    async def _is_over_within(self, seconds: float) -> bool:
        try:
            await self._server.when_over().addTimeout(seconds, self.clock)
        except DeferredTimeout:
            return False
        return True


def _host_and_port(port: IListeningPort) -> str:
    address: Any = port.getHost()
    host = getattr(address, "host", None)
    if host is None:
        name = getattr(address, "name", address)
        return name.decode(errors="replace") if isinstance(name, bytes) else str(name)
    return f"[{host}]:{address.port}" if ":" in host else f"{host}:{address.port}"
