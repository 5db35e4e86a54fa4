"""Tests of pipeline.transports.websocket.handshake."""

from __future__ import annotations

import base64
import json
from typing import Any

from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase
from websockets.exceptions import InvalidStatus

from pipeline.transports.websocket.handshake import origin_in
from tests.transports.http.clients import Response
from tests.transports.websocket.clients import HANDSHAKE, Talker, WebSocketCase

TOKEN = "a-token-of-20-chars."
WHO = {"bearer": {"ada": TOKEN}, "basic": {"bob": "correct horse"}, "max_failures": 5}


class Handshakes(WebSocketCase):
    """Who may come in comes in, all others are told why not."""

    async def refused(self, port: int, said: bytes) -> Response:
        """What is answered, before the connection is closed."""
        wire = await self.wire(port)
        wire.say(said)
        heard = await wire.gone
        head, _, body = heard.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        headers = {name.lower(): text for name, text in (line.split(": ", 1) for line in lines[1:])}
        return Response(int(lines[0].split()[1]), headers, body)

    def asked(self, path: str = "/", **headers: str) -> bytes:
        """A handshake with more headers."""
        more = "".join(f"{name.replace('_', '-')}: {text}\r\n" for name, text in headers.items())
        return HANDSHAKE.format(path=path, more=more).encode()

    async def test_not_websocket(self) -> None:
        """Whatever else is spoken is answered with the reason, or not at all, and closed."""
        _, port = await self.serve()
        plain = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
        post = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
        asked = self.asked().decode()
        for status, said in (
            (426, plain),
            (400, post),
            (426, asked.replace("Upgrade: websocket", "Upgrade: h2c")),
            (426, asked.replace("Version: 13", "Version: 8")),
            (400, asked.replace("Sec-WebSocket-Version: 13\r\n", "")),
            (400, asked.replace("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "")),
            (400, asked.replace("Host: test\r\n", "")),
            (400, asked.replace("Host: test", "Host: \xff..x")),
            (400, asked.replace("Connection: Upgrade", "Connection: \xffUpgrade")),
            (400, "\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03\r\n\r\n"),
            (400, "hello\r\n\r\n"),
        ):
            response = await self.refused(port, said.encode("latin-1"))
            self.assertEqual(status, response.status, said)
            self.assertIn("WebSocket", response.error["message"])
        self.assertEqual("websocket", (await self.refused(port, plain.encode())).headers["upgrade"])

    async def test_too_long(self) -> None:
        """A handshake has a bound, in however many pieces it comes."""
        _, port = await self.serve()
        response = await self.refused(port, self.asked(X_More="x" * 20_000))
        self.assertEqual((431, "headers_too_large"), (response.status, response.error["code"]))
        wire = await self.wire(port)
        while not wire.gone.called:
            wire.say(b"x" * 1000)
            await deferLater(self.reactor, 0.001)
        self.assertIn(b" 4", wire.heard)

    async def test_half(self) -> None:
        """Half a handshake is cut off in time."""
        _, port = await self.serve(handshake_timeout=0.1)
        for said in (b"", b"GET", self.asked()[:-2]):
            wire = await self.wire(port)
            wire.say(said)
            self.assertEqual(b"", await wire.gone)

    async def test_path(self) -> None:
        """WebSocket is spoken at one path, whatever the query."""
        await self.start(Talker)
        _, port = await self.serve(path="/talk")
        response = await self.refused(port, self.asked("/"))
        self.assertEqual((404, "not_found"), (response.status, response.error["code"]))
        await self.raw(port, "/talk?room=1")

    async def test_origin(self) -> None:
        """Pages of the same host may connect, and those that are allowed; no others."""
        await self.start(Talker)
        _, port = await self.serve(allowed_origins=["https://example.org"])
        for origin in ("http://test", "https://test", "https://example.org", "HTTPS://Example.org"):
            await self.raw(port, more=f"Origin: {origin}\r\n")
        for origin in (
            "https://evil.example",
            "http://test:8080",
            "http://example.org",
            "https://example.org.evil.example",
            "https://example.org@evil.example",
            "null",
            "",
            "http://[",
        ):
            response = await self.refused(port, self.asked(Origin=origin))
            self.assertEqual((403, "forbidden"), (response.status, response.error["code"]), origin)
        twice = self.asked(Origin="http://test", origin="http://test")
        self.assertEqual(403, (await self.refused(port, twice)).status)

    async def test_any_origin(self) -> None:
        """Any page may connect where that is said."""
        await self.start(Talker)
        _, port = await self.serve(allowed_origins=["*"])
        await self.raw(port, more="Origin: https://evil.example\r\n")

    async def test_known(self) -> None:
        """A client says who it is by a header, or as a browser can."""
        talker = await self.start(Talker)
        options = {"address": "principal", "token_parameter": "token", "authentication": WHO}
        _, port = await self.serve(**options)
        password = base64.b64encode(b"bob:correct horse").decode()
        for expected, path, given in (
            ("ada", "/", {"additional_headers": {"Authorization": f"Bearer {TOKEN}"}}),
            ("bob", "/", {"additional_headers": {"Authorization": f"Basic {password}"}}),
            ("ada", f"/?token={TOKEN}", {}),
            ("ada", "/", {"subprotocols": ["pipeline", f"bearer.{TOKEN}"]}),
        ):
            client = await self.client(port, path, **given)
            await client.close()
            await self.until(lambda: talker.closed)
            new, _ = talker.new.pop(), talker.closed.pop()
            self.assertEqual(expected, new.from_addr)
            self.assertEqual(expected, new.transport_metadata["user"])

    async def test_unknown(self) -> None:
        """Who doesn't say rightly who it is is told how; who fails too often has to wait."""
        transport, port = await self.serve(authentication=WHO)
        response = await self.refused(port, self.asked())
        self.assertEqual((401, "unauthorized"), (response.status, response.error["code"]))
        self.assertIn("www-authenticate", response.headers)
        wrong: Any
        for wrong in (
            {"Authorization": "Bearer wrong"},
            {"Authorization": "Basic ???"},
            {"Sec_WebSocket_Protocol": "pipeline, bearer.wrong"},
            {"Authorization": f"Bearer {TOKEN}", "authorization": f"Bearer {TOKEN}"},
        ):
            response = await self.refused(port, self.asked(**wrong))
            self.assertEqual(401, response.status, wrong)
            self.assertNotIn(TOKEN, response.body.decode())
        # Not where it isn't asked for: addresses end up in logs.
        self.assertEqual(401, (await self.refused(port, self.asked(f"/?token={TOKEN}"))).status)
        for _ in range(5):
            response = await self.refused(port, self.asked(Authorization="Bearer wrong"))
        self.assertEqual(429, response.status)
        self.assertGreater(int(response.headers["retry-after"]), 0)
        self.assertEqual(0, transport.statistics.counts["messages_in"])

    async def test_subprotocol(self) -> None:
        """Of what the client speaks the first is agreed on that is spoken here."""
        await self.start(Talker)
        _, port = await self.serve(subprotocols=["chat", "news"])
        for expected, offered in (
            ("news", ["x", "news", "chat"]),
            (None, ["x"]),
            (None, None),
        ):
            client = await self.client(port, subprotocols=offered)
            self.assertEqual(expected, client.subprotocol)
            await client.close()

    async def test_broker_away(self) -> None:
        """While the broker is away nobody is let in, and each is told when to come again."""
        transport, port = await self.serve()
        await transport.broker.stop()
        error = None
        try:
            await self.client(port)
        except InvalidStatus as refused:
            error = refused
        assert error is not None
        self.assertEqual(503, error.response.status_code)
        self.assertEqual("unavailable", json.loads(error.response.body)["error"]["code"])


class Origins(TestCase):
    """Origins are compared in one spelling."""

    def test_spelling(self) -> None:
        """Case and the port that goes without saying make no difference; all else does."""
        for text, expected in (
            ("https://Example.org:443", "https://example.org"),
            ("http://x:80", "http://x"),
            ("http://x:443", "http://x:443"),
            ("http://[::1]:8080", "http://[::1]:8080"),
            ("http://x/", None),
            ("http://x:y", None),
            ("http://", None),
            ("null", None),
            ("http://a@b", None),
        ):
            self.assertEqual(expected, origin_in(text), text)
