"""Tests of pipeline.transports.http.protocol."""

from __future__ import annotations

from twisted.internet.task import deferLater

from pipeline.transports.answers import Answer
from pipeline.transports.http import protocol
from pipeline.transports.http.protocol import Request, Server
from pipeline.transports.peers import Admission
from pipeline.transports.statistics import Statistics
from tests.transports.http.clients import WireCase, encoded


class ServerCase(WireCase):
    """A server that answers with the length of the body."""

    def setUp(self) -> None:
        super().setUp()
        self.seen: list[Request] = []
        self.serve()

    def serve(self, **options: int) -> None:
        """Listen."""
        limits = {"max_body": 100, "idle_timeout": 5, **options}
        self.admission = Admission(10, 0, Statistics())
        self.server = Server(self.handle, self.reactor, admission=self.admission, **limits)  # type: ignore[arg-type]
        port = self.reactor.listenTCP(0, self.server, interface="127.0.0.1")
        self.port = port.getHost().port
        self.addCleanup(self.end, port)

    async def end(self, port: object) -> None:
        """Close everything."""
        await port.stopListening()  # type: ignore[attr-defined]
        self.server.abort_all()
        await self.server.when_closed()

    def handle(self, request: Request) -> None:
        """Answer."""
        self.seen.append(request)
        request.answer(Answer(200, len(request.content.getvalue())))


class Bodies(ServerCase):
    """No more of a body is kept than is allowed."""

    async def test_within(self) -> None:
        """A body within the limit is there as a whole, also in chunks."""
        response = await self.request(self.port, "POST", "/", b"x" * 100)
        self.assertEqual((200, 100), (response.status, response.json))
        wire = await self.wire(self.port)
        wire.say(encoded("POST", "/", None, Transfer_Encoding="chunked"))
        wire.say(b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
        self.assertEqual(5, (await wire.response()).json)

    async def test_announced(self) -> None:
        """A body that is announced as too long is refused before it comes."""
        wire = await self.wire(self.port)
        wire.say(encoded("POST", "/", None, Content_Length="101"))
        response = await wire.response()
        self.assertEqual((413, "body_too_large"), (response.status, response.error["code"]))
        self.assertEqual("close", response.headers["Connection"])
        wire.say(b"x" * 101)
        await wire.gone
        self.assertEqual([], self.seen)

    async def test_expect(self) -> None:
        """Who asks first whether to send the body is told no, and only that."""
        wire = await self.wire(self.port)
        wire.say(encoded("POST", "/", None, Content_Length="9999", Expect="100-continue"))
        self.assertEqual(413, (await wire.response()).status)
        self.assertEqual(b"", wire.heard)
        wire = await self.wire(self.port)
        wire.say(encoded("POST", "/", None, Content_Length="1", Expect="100-continue"))
        self.assertEqual(100, (await wire.response()).status)
        wire.say(b"x")
        self.assertEqual(1, (await wire.response()).json)

    async def test_streamed(self) -> None:
        """A chunked body is refused as soon as it is too long, and not kept."""
        wire = await self.wire(self.port)
        wire.say(encoded("POST", "/", None, Transfer_Encoding="chunked"))
        chunk = b"50\r\n" + b"x" * 80 + b"\r\n"
        wire.say(chunk + chunk)
        self.assertEqual(413, (await wire.response()).status)
        (channel,) = self.server.channels
        self.assertEqual(b"", channel.requests[0].content.getvalue())
        wire.say(b"0\r\n\r\n")
        await wire.gone

    async def test_endless(self) -> None:
        """Who goes on sending after the refusal is cut off."""
        self.patch(protocol, "LINGER_BYTES", 100_000)
        wire = await self.wire(self.port)
        wire.say(encoded("POST", "/", None, Content_Length="999999999"))
        while not wire.gone.called:
            wire.say(b"x" * 10_000)
            await deferLater(self.reactor, 0)

    async def test_silent_after_refusal(self) -> None:
        """Who says nothing more after the refusal is let go."""
        self.patch(protocol, "LINGER", 0.05)
        wire = await self.wire(self.port)
        wire.say(encoded("POST", "/", None, Content_Length="999"))
        await wire.gone


class Connections(ServerCase):
    """Connections are bounded in number and time."""

    async def test_half_request(self) -> None:
        """A request that stops half-way is let go after the silence that is allowed."""
        self.server.idle_timeout = 0.05
        wire = await self.wire(self.port)
        wire.say(b"POST /messages HTTP/1.1\r\nContent-Le")
        await wire.gone
        wire = await self.wire(self.port)
        wire.say(encoded("POST", "/", None, Content_Length="10") + b"half")
        await wire.gone
        self.assertEqual([], self.seen)

    async def test_dripping(self) -> None:
        """A request that comes in drops is let go when it has taken too long."""
        self.patch(protocol, "WHOLE_REQUEST", 0)
        wire = await self.wire(self.port)
        wire.say(b"POST / HTTP/1.1\r\n")
        await self.until(lambda: self.server.channels)
        await self.until(lambda: next(iter(self.server.channels)).whole_request_since)
        await deferLater(self.reactor, 0.01)
        self.server.abort_slow()
        await wire.gone

    async def test_not_slow(self) -> None:
        """A connection that waits between requests is not slow."""
        self.patch(protocol, "WHOLE_REQUEST", 0)
        wire = await self.wire(self.port)
        for _ in range(2):
            wire.say(encoded("GET", "/"))
            await wire.response()
            self.server.abort_slow()
        self.assertEqual(1, len(self.server.channels))

    async def test_too_many(self) -> None:
        """Connections beyond the limit are closed at once, and later ones are fine."""
        self.admission._most = 1
        first = await self.wire(self.port)
        await self.until(lambda: self.server.channels)
        second = await self.wire(self.port)
        await second.gone
        await first.hang_up()
        await self.until(lambda: not self.server.channels)
        self.assertEqual(200, (await self.request(self.port, "GET", "/")).status)

    async def test_not_http(self) -> None:
        """What is not HTTP is refused as JSON, once."""
        for noise in (b"hello\r\n\r\n", b"GET / HTTP/1.1\r\nnonsense\r\n\r\n", b"\x16\x03\x01\r\n"):
            wire = await self.wire(self.port)
            wire.say(noise)
            response = await wire.response()
            self.assertEqual((400, "bad_request"), (response.status, response.error["code"]))
            self.assertEqual(b"", await wire.gone)

    async def test_absurd_length(self) -> None:
        """A length that is beyond all numbers is refused, and breaks nothing."""
        for header in ("content-LENGTH", "Content-Length"):
            wire = await self.wire(self.port)
            wire.say(f"POST / HTTP/1.1\r\n{header}: {'9' * 5000}\r\nA: b\r\n\r\n".encode())
            self.assertEqual(400, (await wire.response()).status)
            self.assertEqual(b"", await wire.gone)

    async def test_bad_chunks(self) -> None:
        """Chunks that are none are refused as JSON."""
        wire = await self.wire(self.port)
        wire.say(encoded("POST", "/", None, Transfer_Encoding="chunked") + b"zz\r\n")
        self.assertEqual(400, (await wire.response()).status)
        await wire.gone

    async def test_answer_to_nobody(self) -> None:
        """An answer to a client that is gone goes nowhere."""
        self.server.handle = self.seen.append
        wire = await self.wire(self.port)
        wire.say(encoded("GET", "/"))
        await self.until(lambda: self.seen)
        await wire.hang_up()
        await self.until(lambda: not self.server.channels)
        self.seen[0].answer(Answer(200, None))

    async def test_close_idle(self) -> None:
        """Closing ends idle connections at once, and others after their answer."""
        self.server.handle = self.seen.append
        idle, busy = await self.wire(self.port), await self.wire(self.port)
        busy.say(encoded("GET", "/"))
        await self.until(lambda: self.seen)
        self.server.close_idle()
        await idle.gone
        self.seen[0].answer(Answer(200, None))
        self.assertEqual("close", (await busy.response()).headers["Connection"])
        await busy.gone

    async def test_head(self) -> None:
        """HEAD gets the headers only."""
        wire = await self.wire(self.port)
        wire.say(encoded("HEAD", "/", Connection="close"))
        self.assertTrue((await wire.gone).endswith(b"\r\n\r\n"))
