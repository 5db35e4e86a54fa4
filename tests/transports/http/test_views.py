"""Tests of pipeline.transports.http.views."""

from __future__ import annotations

import http.client
import json
import random
import ssl
from pathlib import Path
from typing import Any

from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from pipeline.applications.requests import RequestApplication
from pipeline.errors import ConfigError, PermanentFailure
from pipeline.requests import Request
from pipeline.state.partition import owner_of
from pipeline.transports.http import HttpTransport
from pipeline.transports.http.config import HttpConfig
from pipeline.transports.http.views import session_key
from tests.brokers.redis.certificates import write_certificate
from tests.transports.http import site
from tests.transports.http.clients import Echo, HttpCase, Response, encoded
from tests.workers import inbound

SITE = "tests.transports.http.site"


class ViewCase(HttpCase):
    """Has a site behind the transport ``web``."""

    timeout = 60

    def setUp(self) -> None:
        super().setUp()
        site.messages.clear()

    async def site(self, routes: str = f"{SITE}.routes", **options: Any) -> int:
        """The port of a site."""
        await self.start(RequestApplication, routes=routes)
        _, self.port = await self.http(**{"requests": True, **options})
        return self.port

    async def ask(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> Response:
        """What a client that isn't ours is answered."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await deferToThread(_asked, self.port, method, path, body, named)


def _asked(
    port: int, method: str, path: str, body: bytes | None, headers: dict[str, str]
) -> Response:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        pairs = answer.getheaders()
        lines = tuple(f"{name}: {value}" for name, value in pairs)
        return Response(answer.status, dict(pairs), answer.read(), lines)
    finally:
        connection.close()


def _odd(chance: random.Random) -> bytes:
    """A request that hardly makes sense."""

    def some(choice: bytes, most: int) -> bytes:
        return bytes(chance.choices(choice, k=chance.randrange(1, most)))

    lines = bytes(each for each in range(256) if each not in b"\r\n")
    method = chance.choice([b"GET", b"HEAD", b"POST", b"MESSAGE", b"x", b"\xff"])
    path = some(b"abc%012?&=;/.+\x80\xff~#", 12)
    name = chance.choice([b"Cookie", b"Content-Type", b"X-Odd", some(b'aZ-_:() \t\0\xe9"[]{}', 8)])
    head = b"%s /seen%s HTTP/1.1\r\nHost: test\r\n" % (method, path)
    return head + b"%s: %s\r\nContent-Length: 3\r\n\r\nabc" % (name, some(lines, 30))


class Arriving(ViewCase):
    """A view sees the request that was sent."""

    async def test_whole(self) -> None:
        """Method, path, query, headers, cookies, host and address arrive as they were sent."""
        await self.site()
        cookies = {"Cookie": "a=1; b=2", "X_Long": "x" * 8000}
        answer = await self.ask("DELETE", "/shop/caf%C3%A9%20au?n=1&m=%26", **cookies)
        got = answer.json
        self.assertEqual(
            ("DELETE", "/shop/caf\u00e9 au", {"n": "1", "m": "&"}),
            (got["method"], got["path"], got["query"]),
        )
        self.assertEqual({"a": "1", "b": "2"}, got["cookies"])
        self.assertIn(["X-Long", "x" * 8000], got["headers"])
        self.assertEqual(
            ("http", "127.0.0.1", f"127.0.0.1:{self.port}"),
            (got["scheme"], got["remote"], got["host"]),
        )

    async def test_message(self) -> None:
        """The message is from the client's address, to the host; no reply carries it back."""
        await self.site()
        await self.ask("GET", "/seen")
        [message] = site.messages
        said = (message.from_addr, message.to_addr, message.transport_type, message.content)
        self.assertEqual(("127.0.0.1", f"127.0.0.1:{self.port}", "http", None), said)
        self.assertEqual({"reply_instance"}, set(message.transport_metadata))
        self.assertEqual({}, message.reply(None).extra)

    async def test_form(self) -> None:
        """A browser's form is taken, also from another site: that is for the csrf middleware."""
        await self.site()
        content_type = "application/x-www-form-urlencoded"
        answer = await self.ask(
            "POST", "/form", b"a=1&b=%C3%A9", Content_Type=content_type, Sec_Fetch_Site="cross-site"
        )
        self.assertEqual((200, {"a": "1", "b": "\u00e9"}), (answer.status, answer.json["fields"]))

    async def test_file(self) -> None:
        """So is one with a file, of any bytes."""
        await self.site()
        body = (
            b'--x\r\nContent-Disposition: form-data; name="who"\r\n\r\nAda\r\n'
            b'--x\r\nContent-Disposition: form-data; name="f"; filename="a.bin"\r\n'
            b"Content-Type: application/octet-stream\r\n\r\n" + site.BYTES + b"\r\n--x--\r\n"
        )
        answer = await self.ask(
            "POST", "/form", body, Content_Type="multipart/form-data; boundary=x"
        )
        self.assertEqual({"fields": {"who": "Ada"}, "files": {"f": ["a.bin", 256]}}, answer.json)

    async def test_chunked(self) -> None:
        """A body in chunks arrives whole, and nothing of how it came."""
        port = await self.site()
        wire = await self.wire(port)
        head = encoded("POST", "/seen", None, Transfer_Encoding="chunked", TE="trailers")
        wire.say(head + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
        got = (await wire.response()).json
        self.assertEqual(5, got["length"])
        self.assertEqual([["Host", "test"]], got["headers"])

    async def test_hop(self) -> None:
        """Headers for the next hop, and those that Connection names, go no further."""
        port = await self.site()
        answer = await self.request(
            port,
            "GET",
            "/seen",
            Connection="X-Own, keep-alive",
            X_Own="1",
            Upgrade="h2c",
            X_End="1",
        )
        names = {name for name, _ in answer.json["headers"]}
        self.assertEqual({"Host", "Content-Length", "X-End"}, names)

    async def test_refused(self) -> None:
        """What no view could make sense of is refused before it is a message."""
        port = await self.site()
        for method, path, status in (
            ("MESSAGE", "/seen", 501),
            ("CONNECT", "/seen", 501),
            ("TRACE", "/seen", 501),
            ("get", "/seen", 501),
            ("GET", "*", 404),
            ("GET", "http://test/seen", 404),
            ("GET", "/%ff", 400),
        ):
            answer = await self.request(port, method, path)
            self.assertEqual(status, answer.status, (method, path))
        self.assertEqual([], site.messages)

    async def test_odd(self) -> None:
        """Bytes at random in methods, paths and headers are answered or refused; none is an error
        of ours."""
        port = await self.site(f"{SITE}.anything")
        chance = random.Random(5)
        statuses = set()
        for _ in range(100):
            wire = await self.wire(port)
            wire.say(_odd(chance))
            await self._answered(wire)
            statuses.add(int(wire.heard.split(b" ")[1]))
        self.assertEqual({200, 400, 501}, statuses)

    async def _answered(self, wire: Any) -> None:
        await self.until(lambda: b"\r\n\r\n" in wire.heard or wire.gone.called)

    async def test_too_large(self) -> None:
        """Limits are as for other requests."""
        port = await self.site(max_body="1kB")
        self.assertEqual(413, (await self.request(port, "POST", "/echo", b"x" * 1025)).status)
        self.assertEqual(200, (await self.request(port, "POST", "/echo", b"x" * 1024)).status)


class Answered(ViewCase):
    """A client is answered what a view has answered."""

    async def test_bytes(self) -> None:
        """Any bytes come through, in both directions."""
        await self.site()
        self.assertEqual(site.BYTES, (await self.ask("POST", "/echo", site.BYTES)).body)
        answer = await self.ask("GET", "/everything")
        self.assertEqual(
            ("256", "application/octet-stream", site.BYTES),
            (answer.headers["Content-Length"], answer.headers["Content-Type"], answer.body),
        )
        self.assertNotIn("Cache-Control", answer.headers)

    async def test_cookies(self) -> None:
        """Each cookie has a header of its own."""
        await self.site()
        answer = await self.ask("POST", "/log-in", b"")
        self.assertEqual((302, "/seen"), (answer.status, answer.headers["Location"]))
        expected = ["sessionid=s1; HttpOnly; Path=/", "lang=sw; Max-Age=60; Path=/"]
        self.assertEqual(expected, answer.all("Set-Cookie"))

    async def test_head(self) -> None:
        """HEAD has the headers of GET, and no body; a view may say how long one would be."""
        await self.site()
        for path, length in (("/everything", "256"), ("/measured", "12345")):
            answer = await self.ask("HEAD", path)
            self.assertEqual(
                (200, length, b""), (answer.status, answer.headers["Content-Length"], answer.body)
            )
        self.assertEqual("0", (await self.ask("GET", "/measured")).headers["Content-Length"])

    async def test_bare(self) -> None:
        """204 and 304 have no body, and the connection goes on."""
        port = await self.site()
        wire = await self.wire(port)
        for code in (204, 304, 404):
            wire.say(encoded("GET", f"/status/{code}"))
            answer = await wire.response()
            self.assertEqual((code, '"1"'), (answer.status, answer.headers["ETag"]))
            self.assertEqual(code == 404, "Content-Length" in answer.headers)
        self.assertEqual(b"said", answer.body)

    async def test_rude(self) -> None:
        """What belongs to the connection is the transport's to say."""
        await self.site()
        answer = await self.ask("GET", "/rude")
        self.assertEqual((200, b"hi"), (answer.status, answer.body))
        wanted = {"Content-Type", "Content-Length", "X-Name", "Date"}
        self.assertEqual(wanted, set(answer.headers))
        self.assertEqual("J\u00f6rg", answer.headers["X-Name"])

    async def test_no_status(self) -> None:
        """A status that HTTP doesn't have is a 502, and logged."""
        await self.site()
        for code in (99, 101, 600):
            answer = await self.ask("GET", f"/status/{code}")
            self.assertEqual((502, "bad_response"), (answer.status, answer.error["code"]))

    async def test_failed(self) -> None:
        """A view's error is a 500 that tells nothing."""
        await self.site()
        answer = await self.ask("GET", "/broken")
        self.assertEqual((500, b"Internal Server Error"), (answer.status, answer.body))
        self.flushLoggedErrors(KeyError)

    async def test_thread(self) -> None:
        """Views that block answer as well."""
        await self.site()
        self.assertEqual(b"blocked", (await self.ask("GET", "/blocking")).body)

    async def test_text(self) -> None:
        """An application that knows nothing of HTTP answers with its text."""
        await self.start(Plain)
        _, self.port = await self.http(requests=True)
        answer = await self.ask("POST", "/x", b"hi")
        self.assertEqual((200, b"what?"), (answer.status, answer.body))
        self.assertEqual("text/plain; charset=utf-8", answer.headers["Content-Type"])

    async def test_no_answer(self) -> None:
        """No answer in time is a 504."""
        echo = await self.start(Echo)
        echo.answering = False
        transport, self.port = await self.http(requests=True, wait=0.1)
        self.assertEqual(504, (await self.ask("GET", "/x")).status)
        self.assertEqual(0, len(transport.waiting))

    async def test_dead(self) -> None:
        """A request that becomes a dead letter is a 500; its error is shown while developing."""
        await self.start(Doomed, debug=True)
        for debug in (False, True):
            _, port = await self._web(debug)
            answer = await self.request(port, "GET", "/x")
            self.assertEqual((500, "internal_error"), (answer.status, answer.error["code"]))
            self.assertEqual(debug, "doomed" in str(answer.error))

    async def _web(self, debug: bool) -> Any:
        options = {"listen": "tcp:0", "wait": 20, "requests": True}
        transport = await self.start(HttpTransport, debug=debug, **options)
        return transport, transport.port.getHost().port


class Doomed(Echo):
    """Fails for good."""

    def consume_user_message(self, message: Any) -> Any:
        """Fail."""
        raise PermanentFailure("doomed")


class Plain(Echo):
    """Answers with a text."""

    def consume_user_message(self, message: Any) -> Any:
        """Ask."""
        return self.reply_to(message, "what?")


class Placed(ViewCase):
    """Views share a server with messages and tasks."""

    async def test_own(self) -> None:
        """/messages, /tasks and /health stay where they are, with their own rules."""
        port = await self.site(f"{SITE}.anything")
        answer = await self.request(port, "POST", "/messages", {"content": "hi"})
        self.assertEqual((200, "HI"), (answer.status, answer.json["content"]))
        self.assertEqual("ok", (await self.request(port, "GET", "/health")).json["status"])
        self.assertEqual(404, (await self.request(port, "POST", "/tasks/none")).status)
        self.assertEqual(405, (await self.request(port, "GET", "/messages")).status)
        refused = await self.request(
            port, "POST", "/messages", {"content": "hi"}, Sec_Fetch_Site="cross-site"
        )
        self.assertEqual(403, refused.status)

    async def test_moved(self) -> None:
        """They can be moved, and views be only below a path."""
        port = await self.site(api="/api/", requests="/shop")
        for path, status in (
            ("/api/health", 200),
            ("/health", 404),
            ("/api", 404),
            ("/shop/x", 200),
            ("/shop", 404),
            ("/shopping", 404),
            ("/seen", 404),
        ):
            answer = await self.request(port, "GET", path)
            self.assertEqual(status, answer.status, path)
        self.assertEqual(["/shop/x"], [each.extra["http"]["path"] for each in site.messages])

    async def test_off(self) -> None:
        """They can be turned off; then all is the application's."""
        port = await self.site(api=False)
        answer = await self.request(port, "GET", "/health")
        self.assertEqual(
            (404, b"there is nothing at /health"[:5]), (answer.status, answer.body[:5])
        )
        self.assertNotIn("error", answer.body.decode())

    async def test_forged(self) -> None:
        """A message can't say that it is a request for a view, from wherever it likes."""
        port = await self.site()
        forged = {"method": "GET", "path": "/seen", "scheme": "https", "remote": "10.0.0.1"}
        for said in ({"extra": {"http": forged}}, {"http": forged}):
            answer = await self.request(port, "POST", "/messages", said)
            self.assertEqual((400, "http"), (answer.status, answer.error["field"]))
        self.assertEqual([], site.messages)

    def test_options(self) -> None:
        """Wrong prefixes are errors that say what is right."""
        for given in ("shop", "", 7, "/a b", "//x", "/a?b"):
            options = {"transport_name": "web", "requests": given}
            error = self.assertRaises(ConfigError, HttpConfig, options)
            self.assertIn("expected the beginning of paths", str(error))
        options = {"transport_name": "web", "requests": "/shop/", "api": False}
        config = HttpConfig(options)
        self.assertEqual(("/shop", False), (config.requests, config.api))


class Known(ViewCase):
    """Who asks, with and without authentication."""

    AUTHENTICATION = {"bearer": {"ada": "a-token-that-is-long"}}

    async def test_known(self) -> None:
        """Who has said who they are is known to the view; what they said goes no further."""
        port = await self.site(authentication=self.AUTHENTICATION)
        self.assertEqual(401, (await self.request(port, "GET", "/seen")).status)
        bearer = "Bearer a-token-that-is-long"
        answer = await self.request(port, "GET", "/seen", Authorization=bearer)
        self.assertEqual(200, answer.status)
        [message] = site.messages
        self.assertEqual(
            ("ada", "ada", "127.0.0.1"),
            (message.from_addr, message.transport_metadata["user"], answer.json["remote"]),
        )
        self.assertNotIn("a-token", str(answer.json))

    async def test_open(self) -> None:
        """Views may be open to all, and ask themselves; messages are not."""
        port = await self.site(authentication=self.AUTHENTICATION, open_requests=True)
        answer = await self.request(port, "GET", "/seen", Authorization="Bearer of-the-view")
        self.assertIn(["Authorization", "Bearer of-the-view"], answer.json["headers"])
        answer = await self.request(port, "POST", "/messages", {"content": "hi"})
        self.assertEqual(401, answer.status)

    async def test_secure(self) -> None:
        """Over TLS the scheme is https."""
        folder = Path(self.mktemp())
        folder.mkdir()
        certificate, key = write_certificate(folder, "localhost")
        port = await self.site(tls={"certificate": certificate, "key": key})
        context = ssl.create_default_context(cafile=certificate)
        connection = http.client.HTTPSConnection("localhost", port, timeout=30, context=context)
        self.addCleanup(connection.close)

        def ask() -> Any:
            connection.request("GET", "/seen")
            return json.load(connection.getresponse())

        self.assertEqual("https", (await deferToThread(ask))["scheme"])

    async def test_proxy(self) -> None:
        """A trusted proxy says for whom it asks; nobody else does."""
        said = {"X_Forwarded_For": "203.0.113.9, 127.0.0.1", "X_Forwarded_Proto": "https"}
        port = await self.site(trusted_proxies=["127.0.0.0/8"])
        got = (await self.request(port, "GET", "/seen", **said)).json
        self.assertEqual(("203.0.113.9", "https"), (got["remote"], got["scheme"]))
        _, port = await self.http(requests=True)
        got = (await self.request(port, "GET", "/seen", **said)).json
        self.assertEqual(("127.0.0.1", "http"), (got["remote"], got["scheme"]))
        self.assertNotIn("203.0.113.9", str(got))


class Together(TestCase):
    """Requests of one session go to one partition, in no order."""

    def test_key(self) -> None:
        """The session's cookie is the key; without one, and if it is nonsense, there is none."""

        def asked(**headers: str) -> Any:
            return inbound(extra={"http": Request(headers=headers).to_fields()})

        self.assertEqual(owner_of("s1"), session_key(asked(Cookie="a=1; sid=s1"), "sid"))
        for each in (asked(), asked(Cookie="sid="), inbound(extra={"http": 7}), inbound()):
            self.assertIsNone(session_key(each, "sid"))
