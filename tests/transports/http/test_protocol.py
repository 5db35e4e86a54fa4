"""Tests of pipeline.transports.http.protocol."""

from __future__ import annotations

from twisted.internet.task import deferLater

from pipeline.transports.http import protocol
from tests.transports.http.clients import Response, ServerCase, encoded


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

    async def test_all_together(self) -> None:
        """All bodies that come in at the same time are bounded too; what is done counts no more."""
        self.limit(max_body=100, body_memory=150)
        first, second = await self.wire(self.port), await self.wire(self.port)
        first.say(encoded("POST", "/", None, Content_Length="100") + b"x" * 99)
        await self.until(lambda: self.server.kept == 99)
        second.say(encoded("POST", "/", b"x" * 99))
        response = await second.response()
        self.assertEqual((503, "1"), (response.status, response.headers["Retry-After"]))
        first.say(b"x")
        self.assertEqual(100, (await first.response()).json)
        self.assertEqual(0, self.server.kept)
        third = await self.wire(self.port)
        third.say(encoded("POST", "/", None, Content_Length="100") + b"x" * 99)
        await self.until(lambda: self.server.kept == 99)
        await third.hang_up()
        await self.until(lambda: self.server.kept == 0)


class Heads(ServerCase):
    """What comes before the body is bounded, and understood in one way only."""

    async def said(self, data: bytes) -> Response:
        """What is answered to this, after which the connection is closed."""
        wire = await self.wire(self.port)
        wire.say(data)
        response = await wire.response()
        self.assertEqual(b"", await wire.gone, data)
        self.assertEqual("close", response.headers["Connection"])
        return response

    async def refused(self, *lines: str, body: bytes = b"") -> Response:
        """What is answered to these lines; nothing has been handled."""
        response = await self.said("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
        self.assertEqual([], self.seen, lines)
        return response

    async def test_smuggling(self) -> None:
        """Two lengths, or one that can be read in two ways, are a 400; nothing after is read."""
        hidden = b"0\r\n\r\nGET /hidden HTTP/1.1\r\nHost: x\r\n\r\n"
        for lines in (
            ("Content-Length: 5", "Transfer-Encoding: chunked"),
            ("Transfer-Encoding: chunked", "Content-Length: 5"),
            ("Content-Length: 5", "Content-Length: 5"),
            ("Content-Length: 5", "Content-Length: 6"),
            ("Content-Length: 5, 5",),
            ("Content-Length: +5",),
            ("Content-Length: -5",),
            ("Content-Length: 0x5",),
            ("Content-Length: 5 5",),
            ("Content-Length : 5",),
            (" Content-Length: 5",),
            ("Content-Length:", " 5"),
            ("X: y", "\tContent-Length: 5"),
            ("Transfer-Encoding: identity",),
            ("Transfer-Encoding: identity", "Content-Length: 5"),
            ("Transfer-Encoding: gzip, chunked",),
            ("Transfer-Encoding: xchunked",),
            ("Transfer-Encoding: chunked", "Transfer-Encoding: identity"),
            ("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
            ("Transfer-Encoding:", " chunked"),
            ("Transfer-Encoding\x0b: chunked",),
            ("X: a\nContent-Length: 5",),
            ("X: a\rb",),
            ("X: \x00",),
            ("X",),
            (": x",),
        ):
            response = await self.refused("POST / HTTP/1.1", "Host: x", *lines, body=hidden)
            self.assertEqual((400, "bad_request"), (response.status, response.error["code"]), lines)

    async def test_old_version(self) -> None:
        """HTTP/1.0 has no chunks; without them it is answered, and closed."""
        response = await self.refused("POST / HTTP/1.0", "Transfer-Encoding: chunked")
        self.assertEqual(400, response.status)
        wire = await self.wire(self.port)
        wire.say(b"POST / HTTP/1.0\r\nContent-Length: 2\r\n\r\nhi")
        self.assertEqual(2, (await wire.response()).json)
        await wire.gone

    async def test_hosts(self) -> None:
        """There is one Host."""
        for hosts in ((), ("Host: a", "Host: a"), ("Host: a", "Host: b")):
            response = await self.refused("GET / HTTP/1.1", *hosts)
            self.assertEqual(400, response.status, hosts)

    async def test_request_lines(self) -> None:
        """A first line that is none is a 400."""
        for line in (
            "hello",
            "GET /",
            "GET  / HTTP/1.1",
            "GET / HTTP/2.0",
            "GET / HTTP/1.1 x",
            "GET / http/1.1",
            "G\x00T / HTTP/1.1",
            "GET /\x01 HTTP/1.1",
            "PRI * HTTP/2.0",
            "\x16\x03\x01\x02",
            " GET / HTTP/1.1",
        ):
            self.assertEqual(400, (await self.refused(line, "Host: x")).status, line)

    async def test_long_uri(self) -> None:
        """A URI that is too long is a 414, also when its line has no end."""
        self.limit(max_uri=100)
        line = f"GET /{'x' * 99} HTTP/1.1"
        self.assertEqual(
            200,
            (await self.said(f"{line}\r\nHost: x\r\nConnection: close\r\n\r\n".encode())).status,
        )
        self.seen.clear()
        response = await self.refused(f"GET /{'x' * 100} HTTP/1.1", "Host: x")
        self.assertEqual((414, 100), (response.status, response.error["limit"]))
        self.assertEqual(414, (await self.said(b"GET /" + b"x" * 100_000)).status)

    async def test_large_head(self) -> None:
        """Too many headers, or too long ones, are a 431, also when they have no end."""
        self.limit(max_headers=10, max_head=1000)
        lines = [f"X-{n}: y" for n in range(9)]
        good = "\r\n".join(["GET / HTTP/1.1", "Host: x", *lines[1:], "Connection: close", "", ""])
        self.assertEqual(200, (await self.said(good.encode())).status)
        self.seen.clear()
        for more in (["A: b"] * 2, [f"A: {'b' * 1000}"]):
            response = await self.refused("GET / HTTP/1.1", "Host: x", *lines, *more)
            self.assertEqual((431, "headers_too_large"), (response.status, response.error["code"]))
        endless = b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"x" * 100_000
        self.assertEqual(431, (await self.said(endless)).status)

    async def test_absurd_length(self) -> None:
        """A length that is beyond all numbers is refused, and breaks nothing."""
        for header in ("content-LENGTH", "Content-Length"):
            wire = await self.wire(self.port)
            wire.say(
                f"POST / HTTP/1.1\r\nHost: x\r\n{header}: {'9' * 5000}\r\nA: b\r\n\r\n".encode()
            )
            self.assertEqual(400, (await wire.response()).status)
            self.assertEqual(b"", await wire.gone)

    async def test_head(self) -> None:
        """HEAD gets the headers only."""
        wire = await self.wire(self.port)
        wire.say(encoded("HEAD", "/", Connection="close"))
        self.assertTrue((await wire.gone).endswith(b"\r\n\r\n"))


class Chunks(ServerCase):
    """Chunks that are none are refused as JSON."""

    async def test_bad_chunks(self) -> None:
        """Sizes that are no numbers, negative, huge, or not those of the chunks."""
        for chunks in (
            b"zz\r\n",
            b"-1\r\nx\r\n0\r\n\r\n",
            b"+1\r\nx\r\n0\r\n\r\n",
            b"0x1\r\nx\r\n0\r\n\r\n",
            b" 1\r\nx\r\n0\r\n\r\n",
            b"1\r\nxyz\r\n0\r\n\r\n",
            b"\r\n",
            b"f" * 5000 + b"\r\n",
        ):
            wire = await self.wire(self.port)
            wire.say(encoded("POST", "/", None, Transfer_Encoding="chunked") + chunks)
            self.assertIn((await wire.response()).status, (400, 413), chunks)
            await wire.gone
        self.assertEqual([], self.seen)

    async def test_huge_chunk(self) -> None:
        """A chunk that says it is huge is read as far as the limit."""
        wire = await self.wire(self.port)
        wire.say(encoded("POST", "/", None, Transfer_Encoding="chunked") + b"ffffffff\r\n")
        wire.say(b"x" * 200)
        self.assertEqual(413, (await wire.response()).status)

    async def test_trailers(self) -> None:
        """Headers after the last chunk are left out."""
        wire = await self.wire(self.port)
        body = b"2\r\nhi\r\n0\r\nHost: other\r\n\r\n"
        wire.say(encoded("POST", "/", None, Transfer_Encoding="chunked") + body)
        self.assertEqual(2, (await wire.response()).json)
        self.assertEqual(["test"], self.seen[0].requestHeaders.getRawHeaders("Host"))


class Pipelining(ServerCase):
    """Requests that don't wait for the answer before them."""

    async def test_in_order(self) -> None:
        """They are answered in their order."""
        wire = await self.wire(self.port)
        wire.say(b"".join(encoded("POST", "/", b"x" * n) for n in range(20)))
        self.assertEqual(list(range(20)), [(await wire.response()).json for _ in range(20)])

    async def test_answers_are_not_piled_up(self) -> None:
        """While an answer is not read, no further request is begun."""
        self.content = "x" * 5_000_000
        wire = await self.wire(self.port)
        wire.pause()
        wire.say(encoded("GET", "/") * 5)
        await self.until(lambda: self.seen)
        await deferLater(self.reactor, 0.1)
        self.assertEqual(1, len(self.seen))
        wire.resume()
        for _ in range(5):
            self.assertEqual(len(self.content), len((await wire.response()).json))
        self.assertEqual(5, len(self.seen))

    async def test_flood_unread(self) -> None:
        """Nor is more read from a client that sends without end, and reads no answer."""
        self.content = "x" * 5_000_000
        wire = await self.wire(self.port)
        wire.pause()
        wire.say(encoded("GET", "/") * 500_000)
        await self.until(lambda: self.seen)
        await deferLater(self.reactor, 0.5)
        (channel,) = self.server.channels
        self.assertLess(sum(map(len, channel._dataBuffer)), 1_000_000)
        self.assertEqual(1, len(self.seen))

    async def test_flood(self) -> None:
        """Requests without end are not read while the first waits for its answer."""
        self.server.handle = self.seen.append
        wire = await self.wire(self.port)
        wire.say(encoded("GET", "/") * 100_000)
        await self.until(lambda: self.seen)
        await deferLater(self.reactor, 0.1)
        (channel,) = self.server.channels
        self.assertLess(sum(map(len, channel._dataBuffer)), 200_000)
        self.assertEqual(1, len(self.seen))
