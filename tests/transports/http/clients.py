"""HTTP clients over real sockets, and a system behind them over the memory broker."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import deferLater
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

from pipeline.applications.base import Application
from pipeline.brokers.memory import MemoryBroker
from pipeline.brokers.memory.server import MemoryServer
from pipeline.codec import Codec
from pipeline.transports.answers import Answer
from pipeline.transports.http import HttpTransport
from pipeline.transports.http.protocol import Request
from pipeline.transports.http.server import Limits, Server
from pipeline.transports.peers import Admission
from pipeline.transports.statistics import Statistics
from pipeline.worker import Runtime, Worker


class Response(NamedTuple):
    """A response."""

    status: int
    headers: dict[str, str]
    body: bytes
    lines: tuple[str, ...] = ()

    def all(self, name: str) -> list[str]:
        """Every value of a header."""
        prefix = f"{name}: "
        return [line.removeprefix(prefix) for line in self.lines if line.startswith(prefix)]

    @property
    def json(self) -> Any:
        """What the body says."""
        return json.loads(self.body)

    @property
    def error(self) -> Any:
        """The error that the body says."""
        return self.json["error"]


class Wire(Protocol):
    """A connection that says what it is told, and keeps what it hears."""

    def __init__(self) -> None:
        self.heard = b""
        self.gone: Deferred[bytes] = Deferred()
        self._waiting: list[Deferred[None]] = []

    def dataReceived(self, data: bytes) -> None:
        self.heard += data
        self._tell()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.gone.callback(self.heard)
        self._tell()

    def say(self, data: bytes) -> None:
        """Send these bytes."""
        assert self.transport is not None
        self.transport.write(data)

    async def response(self) -> Response:
        """The next response, or what there is of it when the connection is lost."""
        while True:
            head, found, rest = self.heard.partition(b"\r\n\r\n")
            lines = head.decode().split("\r\n")
            headers = dict(line.split(": ", 1) for line in lines[1:] if ": " in line)
            length = int(headers.get("Content-Length", 0))
            if found and len(rest) >= length:
                self.heard = rest[length:]
                return Response(int(lines[0].split()[1]), headers, rest[:length], tuple(lines))
            if self.gone.called:
                raise AssertionError(f"the connection is lost after {self.heard!r}")
            await self.more()

    def more(self) -> Deferred[None]:
        """Fires when more is heard, or nothing more will be."""
        more: Deferred[None] = Deferred()
        self._waiting.append(more)
        return more

    async def hang_up(self) -> None:
        """Close the connection, and wait until it is."""
        assert self.transport is not None
        self.transport.abortConnection()  # type: ignore[attr-defined]
        await self.gone

    def pause(self) -> None:
        """Read nothing."""
        self.transport.pauseProducing()  # type: ignore[union-attr]

    def resume(self) -> None:
        """Read again."""
        self.transport.resumeProducing()  # type: ignore[union-attr]

    def _tell(self) -> None:
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each.callback(None)


def encoded(method: str, path: str, body: bytes | None = b"", **headers: str) -> bytes:
    """A request as bytes."""
    given = {"Host": "test", **{name.replace("_", "-"): text for name, text in headers.items()}}
    if body is not None:
        given.setdefault("Content-Length", str(len(body)))
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {text}" for name, text in given.items())]
    return "\r\n".join([*lines, "", ""]).encode() + (body or b"")


class WireCase(TestCase):
    """Speaks raw HTTP to a port."""

    def setUp(self) -> None:
        from twisted.internet import reactor

        self.reactor: Any = reactor

    async def wire(self, port: int) -> Wire:
        """A connection, closed at the end of the test."""
        endpoint = TCP4ClientEndpoint(self.reactor, "127.0.0.1", port)
        made: Wire = await endpoint.connect(Factory.forProtocol(Wire))
        self.addCleanup(lambda: Deferred.fromCoroutine(made.hang_up()))
        return made

    async def request(
        self, port: int, method: str, path: str, body: Any = None, **headers: str
    ) -> Response:
        """Ask once, on a connection of its own."""
        data = (
            body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        )
        if data:
            headers.setdefault("Content_Type", "application/json")
        wire = await self.wire(port)
        wire.say(encoded(method, path, data, **headers))
        response = await wire.response()
        await wire.hang_up()
        return response

    async def until(self, true: Any) -> None:
        """Wait until something is so."""
        while not true():
            await deferLater(self.reactor, 0.005)


class ServerCase(WireCase):
    """A server that answers with the length of the body."""

    def setUp(self) -> None:
        super().setUp()
        self.seen: list[Request] = []
        #: What is answered instead.
        self.content: str | None = None
        self.serve()

    def serve(self) -> None:
        """Listen."""
        limits = Limits(max_body=100, idle_timeout=30)
        self.statistics = Statistics()
        self.admission = Admission(10, 0, self.statistics)
        self.server = Server(self.handle, self.reactor, limits, self.admission, self.statistics)
        port = self.reactor.listenTCP(0, self.server, interface="127.0.0.1")
        self.port = port.getHost().port
        self.addCleanup(self.end, port)

    async def end(self, port: object) -> None:
        """Close everything."""
        await port.stopListening()  # type: ignore[attr-defined]
        self.server.abort_all()
        await self.server.when_closed()

    def limit(self, **options: Any) -> None:
        """Change the limits, for connections to come."""
        self.server.limits = self.server.limits._replace(**options)

    def handle(self, request: Request) -> None:
        """Answer."""
        self.seen.append(request)
        content = len(request.take_body()) if self.content is None else self.content
        request.answer(Answer(200, content))


class Echo(Application):
    """Answers what it is told to."""

    answering = True

    def consume_user_message(self, message: Any) -> Any:
        """Answer in capitals, if at all."""
        self.seen = message
        if self.answering:
            return self.reply_to(message, (message.content or "").upper(), colour="blue")
        return None

    def consume_nack(self, event: Any) -> None:
        """Remember."""
        self.nack = event

    def consume_ack(self, event: Any) -> None:
        """Remember."""
        self.ack = event


class HttpCase(WireCase):
    """Has HTTP transports of the connector ``web``, and workers behind them."""

    def setUp(self) -> None:
        super().setUp()
        self.server = MemoryServer(self.reactor)

    async def broker(self) -> MemoryBroker:
        """A broker of its own on the shared server, as of another process."""
        broker = MemoryBroker(self.reactor, server=self.server)
        await broker.start()
        self.addCleanup(broker.stop)
        return broker

    async def start(self, cls: type[Worker], *, debug: bool = False, **options: Any) -> Any:
        """A worker that runs until the end of the test."""
        runtime = Runtime(await self.broker(), Codec(), self.reactor, "test", debug)
        worker = cls(cls.__name__, {"transport_name": "web", **options}, runtime)
        await worker.start_worker()
        self.addCleanup(worker.stop_worker, 1)
        return worker

    async def http(self, **options: Any) -> tuple[HttpTransport, int]:
        """A transport, and its port."""
        given = {"listen": "tcp:0", "wait": 5, **options}
        transport: HttpTransport = await self.start(HttpTransport, **given)
        assert transport.port is not None
        port: int = transport.port.getHost().port  # type: ignore[attr-defined]
        return transport, port
