"""The endpoint answers what it is asked, and nobody else."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import clientFromString
from twisted.internet.protocol import Factory
from twisted.trial.unittest import TestCase

from pipeline.identity.credentials import hashed_token
from pipeline.service.monitor.endpoint import MOST, Endpoint
from pipeline.service.monitor.options import MonitorConfig
from pipeline.transports.answers import Answer
from tests.transports.http.clients import Response, Wire, encoded

TOKEN = "a token for the tests"


class EndpointCase(TestCase):
    """An endpoint on a port of its own, with real clients."""

    OPTIONS: dict[str, Any] = {"listen": "tcp:0"}
    timeout = 60

    async def setUp(self) -> None:
        from twisted.internet import reactor

        self.reactor = reactor
        pages = {
            "/live": lambda: Answer(200, {"live": True}),
            "/later": self.later,
            "/broken": self.broken,
        }
        self.endpoint = Endpoint(MonitorConfig(self.OPTIONS), pages, reactor)
        await self.endpoint.start()
        self.addCleanup(lambda: Deferred.fromCoroutine(self.endpoint.stop()))

    async def later(self) -> Answer:
        return Answer(503, {"later": True})

    def broken(self) -> Answer:
        raise KeyError("x")

    async def connect(self) -> Wire:
        assert self.endpoint.port is not None
        address: Any = self.endpoint.port.getHost()
        where = clientFromString(self.reactor, f"tcp:{address.host}:{address.port}")
        wire: Wire = await where.connect(Factory.forProtocol(Wire))
        self.addCleanup(lambda: Deferred.fromCoroutine(wire.hang_up()))
        return wire

    async def ask(self, path: str, method: str = "GET", **headers: str) -> Response:
        wire = await self.connect()
        wire.say(encoded(method, path, None, Connection="close", **headers))
        return await wire.response()


class Answers(EndpointCase):
    """Each path has its page."""

    async def test_pages(self) -> None:
        """A page is answered, at once or later, with its status; a query changes nothing."""
        found = await self.ask("/live?verbose=1")
        self.assertEqual((200, {"live": True}), (found.status, found.json))
        self.assertEqual("no-store", found.headers["Cache-Control"])
        found = await self.ask("/later")
        self.assertEqual((503, {"later": True}), (found.status, found.json))

    async def test_others(self) -> None:
        """Other paths and methods are refused, and say what there is."""
        found = await self.ask("/")
        self.assertEqual(404, found.status)
        self.assertIn("try /live, /later", found.error["message"])
        found = await self.ask("/live", "DELETE")
        self.assertEqual((405, "GET, HEAD"), (found.status, found.headers["Allow"]))

    async def test_error(self) -> None:
        """A page that fails is a 500, and logged."""
        self.assertEqual(500, (await self.ask("/broken")).status)
        self.assertEqual(1, len(self.flushLoggedErrors(KeyError)))

    async def test_head(self) -> None:
        """HEAD has the status alone."""
        wire = await self.connect()
        wire.say(encoded("HEAD", "/live", None, Connection="close"))
        heard = await wire.gone
        self.assertTrue(heard.startswith(b"HTTP/1.1 200 "))
        self.assertTrue(heard.endswith(b"\r\n\r\n"))

    async def test_limits(self) -> None:
        """Bodies and long requests are refused, and so are too many connections."""
        wire = await self.connect()
        wire.say(encoded("GET", "/live", b"x" * 10))
        self.assertEqual(413, (await wire.response()).status)
        self.assertEqual(414, (await self.ask(f"/{'x' * 2000}")).status)
        self.assertEqual(431, (await self.ask("/live", X="y" * 9000)).status)
        self.endpoint._server.admission._open = MOST
        refused = await self.connect()
        self.assertEqual(b"", await refused.gone)
        self.endpoint._server.admission._open = 0

    async def test_local(self) -> None:
        """Who can ask is on this machine, if nothing else is said."""
        assert self.endpoint.port is not None
        address: Any = self.endpoint.port.getHost()
        self.assertEqual("127.0.0.1", address.host)


class Authenticated(EndpointCase):
    """With tokens nobody learns anything without one."""

    OPTIONS = {
        "listen": "tcp:0",
        "authentication": {"bearer": {"prometheus": hashed_token(TOKEN)}},
    }

    async def test_token(self) -> None:
        """401 without a token or with a wrong one, also where there is nothing."""
        for path in ("/live", "/nothing"):
            found = await self.ask(path)
            self.assertEqual(401, found.status)
            self.assertIn("Bearer", found.headers["WWW-Authenticate"])
        wrong = await self.ask("/live", Authorization="Bearer another token, also long")
        self.assertEqual(401, wrong.status)
        right = await self.ask("/live", Authorization=f"Bearer {TOKEN}")
        self.assertEqual(200, right.status)
