"""The transport that speaks WebSocket."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.internet.interfaces import IListeningPort
from twisted.python.failure import Failure
from wsproto.events import Request

from pipeline.message import ResultMessage, UserMessage
from pipeline.message.ids import random_id
from pipeline.transports.answers import HttpError, refusal, unavailable
from pipeline.transports.authentication import Authentication
from pipeline.transports.base import Transport
from pipeline.transports.callers import Callers
from pipeline.transports.connections import Connections
from pipeline.transports.listening import Listening, url_of
from pipeline.transports.peers import Admission
from pipeline.transports.websocket.config import WebSocketConfig
from pipeline.transports.websocket.frames import Frames, JsonFrames, TextFrames
from pipeline.transports.websocket.handshake import Door
from pipeline.transports.websocket.limits import Close, State
from pipeline.transports.websocket.server import Server
from pipeline.transports.websocket.session import Session, Surroundings
from pipeline.transports.websocket.wire import Wire

__all__ = ["WebSocketTransport"]

#: Seconds that the other sides have to close, and the ends of sessions to be stored.
LAST_WORDS = 2.0

#: Seconds between two looks whether an answer is still waited for.
PAUSE = 0.05

_FORMATS: dict[str, type[JsonFrames] | type[TextFrames]] = {"json": JsonFrames, "text": TextFrames}


class WebSocketTransport(Transport):
    """Takes messages over WebSocket connections, and sends replies and other messages over them.

    A connection is a session: the application is told when it begins (``session_event`` new) and
    when it ends (close), each once; between them messages are resume. Its address is an id of its
    own, or the name of who has authenticated. A message with ``close`` is the last one, whichever
    side says it.

    With ``format: json`` a client says ``{"content": ..}``, with more fields of a user message if
    it likes; with an ``id`` it gets ``{"ack": id, "message_id": ..}`` when the message is stored.
    Replies are objects as HTTP has them; errors are ``{"error": {"code", "message", ..}}``.

    A reply finds its connection in whichever process that is; so does what answers nothing, by
    its address. An ack says that a message was written to its connection; a nack, that there is
    none. Close codes: 1001 when the transport stops, 1003 for binary, 1007 for what is no UTF-8,
    1008 where middleware drops the beginning of a session, 1009 for what is too long, 1011 for
    who doesn't answer a ping, 1013 for who should come again later.

    :ivar port: the open port, after the start.
    """

    CONFIG_CLASS = WebSocketConfig

    port: IListeningPort | None = None

    def setup_transport(self) -> None:
        """Make everything but the port."""
        config = self.config
        self._is_stopping = False
        self._patience: Deferred[Any] | None = None
        self._is_hurried = False
        self._sessions: dict[Wire, Session] = {}
        self._listening = Listening.of(config)
        self.authentication = Authentication(config.authentication, self.clock, self.statistics)
        self.connections: Connections[Session] = Connections(self, config.instance or random_id())
        self._door = self._make_door()
        self._around = self._make_surroundings()
        self._server = self._make_server()
        self.statistics.gauge("sessions", lambda: len(self._sessions))
        self.connector.consume_instance("outbound", self.connections.instance)

    def start_worker(self) -> Deferred[None]:
        """Start, and listen when everything else is ready."""
        return Deferred.fromCoroutine(self._start_and_listen())

    def stop_worker(self, deadline: float | None = None) -> Deferred[None]:
        """Listen no more, let replies out within the deadline, close connections, then stop."""
        seconds = self.config.stop_timeout if deadline is None else deadline
        return Deferred.fromCoroutine(self._finish_and_stop(seconds))

    def hurry(self) -> None:
        """See :meth:`pipeline.worker.Worker.hurry`; connections are closed at once, too."""
        self._is_hurried = True
        if self._patience is not None:
            self._patience.cancel()
        super().hurry()

    async def handle_outbound_message(self, message: UserMessage) -> None:
        """Write it to its connection; an ack or a nack says how it went."""
        session = self.connections.for_message(message)
        if session is None and await self.connections.pass_on(message):
            return
        is_sent = session is not None and session.send(message)
        self.statistics.count("messages_out" if is_sent else "messages_undelivered")
        if isinstance(message, ResultMessage):
            return
        id = message.message_id
        if is_sent:
            self.publish_ack(user_message_id=id, sent_message_id=id)
        elif session is None:
            self.publish_nack(id, "nobody is connected whom this is for")
        else:
            self.publish_nack(id, "the connection is closed")

    # Connections -------------------------------------------------------------------------------

    def _requested(self, wire: Wire, request: Request) -> None:
        deciding = Deferred.fromCoroutine(self._decide(wire, request))
        deciding.addErrback(self._went_wrong, wire)

    async def _decide(self, wire: Wire, request: Request) -> None:
        try:
            self._check()
            caller, subprotocol = await self._door.admit(request, wire.peer)
            self._check()
        except HttpError as error:
            self.statistics.count("handshakes_refused")
            wire.reject(error.answer)
            return
        if not wire.accept(subprotocol):
            return
        address = caller.user if self.config.address == "principal" else None
        session = self._sessions[wire] = Session(wire, self._around, caller, address)
        wire.listener = session
        await session.begin(announced=self.config.session_starts == "connect")

    def _check(self) -> None:
        """Refuse who can't be served now anyway."""
        if self._is_stopping:
            raise unavailable("this server is stopping")
        if not self.broker.available:
            problem = self.broker.problem or "it is not connected"
            raise unavailable(f"the broker is away: {problem}")

    def _went_wrong(self, failure: Failure, wire: Wire) -> None:
        self.log.failure("a connection could not be made", failure)
        wire.reject(refusal(500, "this went wrong here; the log says more").answer)
        wire.close(Close.ERROR, "this went wrong here")

    def _lost(self, wire: Wire) -> Deferred[None]:
        if wire.code is not None:
            self.statistics.count(f"closed_{wire.code}")
        session = self._sessions.get(wire)
        ending = Deferred[None]() if session is None else session.lost()
        if session is None:
            ending.callback(None)
        ending.addErrback(self._not_ended)
        return ending.addBoth(lambda _: self._sessions.pop(wire, None))

    def _not_ended(self, failure: Failure) -> None:
        self.log.failure("the end of a session could not be published", failure)

    # Life --------------------------------------------------------------------------------------

    async def _start_and_listen(self) -> None:
        await super().start_worker()
        try:
            self.authentication.start()
            self.connections.start()
            self.port = await self._listening.open(self._server, self.clock)
        except BaseException:
            self.authentication.stop()
            await self.connections.stop()
            await super().stop_worker(0)
            raise
        self._server.start()
        scheme = "wss" if self._listening.is_secure else "ws"
        self.log.info("listening on {url}", url=url_of(self.port, scheme))

    async def _finish_and_stop(self, deadline: float) -> None:
        end = self.clock.seconds() + deadline
        if self.port is not None:
            await maybeDeferred(self.port.stopListening)
            self.port = None
            await self._finish(end)
            await self.connections.stop()
            self.authentication.stop()
        await super().stop_worker(max(0.0, end - self.clock.seconds()))

    async def _finish(self, end: float) -> None:
        self._is_stopping = True
        for session in self._sessions.values():
            session.stop_listening()
        await self._let_replies_out(end)
        for wire in list(self._server.wires):
            wire.close(Close.GOING_AWAY, "this server is stopping")
        await self._within(LAST_WORDS, self._server.when_ended())
        self._server.stop()
        await self._within(max(LAST_WORDS, end - self.clock.seconds()), self._server.when_ended())
        for session in list(self._sessions.values()):
            session.give_up()

    async def _let_replies_out(self, end: float) -> None:
        while not self._is_hurried:
            now = self.clock.seconds()
            open_ones = [each for wire, each in self._sessions.items() if wire.state is State.OPEN]
            last = max((each.awaits_until(self.config.linger) for each in open_ones), default=0.0)
            if now >= min(end, last):
                return
            await self._within(PAUSE, Deferred())

    async def _within(self, seconds: float, waited: Deferred[Any]) -> None:
        self._patience = waited
        try:
            await waited.addTimeout(0.0 if self._is_hurried else seconds, self.clock)
        except (DeferredTimeout, CancelledError):
            return
        finally:
            self._patience = None

    # Parts -------------------------------------------------------------------------------------

    def _make_door(self) -> Door:
        config = self.config
        return Door(
            Callers(self.authentication),
            path=config.path,
            allowed_origins=config.allowed_origins,
            subprotocols=config.subprotocols,
            token_parameter=config.token_parameter,
        )

    def _make_server(self) -> Server:
        config = self.config
        admission = Admission(
            config.max_connections, config.max_connections_per_address, self.statistics
        )
        return Server(self._requested, self._lost, admission, config.limits, self.clock)

    def _make_surroundings(self) -> Surroundings:
        config = self.config
        name, transport_type = config.transport_name, config.transport_type
        frames: Frames = _FORMATS[config.format](name, transport_type)
        return Surroundings(
            publish=self._publish,
            connections=self.connections,
            frames=frames,
            statistics=self.statistics,
            clock=self.clock,
            name=name,
            transport_type=transport_type,
            to_addr=config.to_addr,
            max_pending=config.max_pending,
            max_depth=config.max_depth,
            dedup_window=config.dedup_window,
        )

    def _publish(self, message: UserMessage, max_depth: int, window: float) -> Deferred[Any]:
        config = self.config
        return self.connector.publish(
            "inbound",
            message,
            max_depth=max_depth,
            when_full=config.when_full,
            full_timeout=config.full_timeout,
            window=window,
        )
