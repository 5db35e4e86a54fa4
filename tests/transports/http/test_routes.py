"""Tests of pipeline.transports.http.routes."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from pipeline.brokers.memory import MemoryBroker
from pipeline.transports.http.config import HttpConfig
from tests.transports.http.clients import Echo, HttpCase, encoded


class Refused(HttpCase):
    """What can't be done is said in JSON, with the right status."""

    async def test_paths(self) -> None:
        """There is nothing at other paths."""
        _, port = await self.http()
        for path in ("/", "/nothing", "/tasks", "/tasks/", "/messages/", "/messages/x", "/%2e"):
            response = await self.request(port, "POST", path, {})
            self.assertEqual((404, "not_found"), (response.status, response.error["code"]), path)

    async def test_methods(self) -> None:
        """A wrong method is a 405 that says which are right."""
        _, port = await self.http()
        for method, path, allowed in (
            ("GET", "/messages", "POST"),
            ("PUT", "/tasks/x", "POST"),
            ("POST", "/health", "GET, HEAD"),
            ("BREW", "/health", "GET, HEAD"),
        ):
            response = await self.request(port, method, path)
            self.assertEqual((405, allowed), (response.status, response.headers["Allow"]), path)

    async def test_types(self) -> None:
        """Bodies that don't say they are JSON are not read."""
        _, port = await self.http()
        for given in ("text/plain", "application/x-www-form-urlencoded", ""):
            for path in ("/messages", "/tasks/x"):
                response = await self.request(port, "POST", path, b"{}", Content_Type=given)
                self.assertEqual(415, response.status, given)
        response = await self.request(port, "POST", "/messages")
        self.assertEqual(415, response.status)

    async def test_no_length(self) -> None:
        """A message without a body is told what it lacks; a task needs none."""
        _, port = await self.http()
        wire = await self.wire(port)
        wire.say(encoded("POST", "/messages", None))
        response = await wire.response()
        self.assertEqual((411, "length_required"), (response.status, response.error["code"]))
        wire.say(encoded("POST", "/tasks/x?wait=0", None))
        self.assertEqual(404, (await wire.response()).status)

    async def test_types_of_json(self) -> None:
        """Every way to say JSON is understood."""
        _, port = await self.http()
        for given in ("application/json; charset=utf-8", "Application/JSON", "application/x+json"):
            response = await self.request(
                port, "POST", "/messages?wait=0", b"{}", Content_Type=given
            )
            self.assertEqual(202, response.status, given)

    async def test_bodies(self) -> None:
        """Bad bodies are a 400, whatever is bad about them."""
        _, port = await self.http()
        for body in (b"{", b"\xff\xfe", b"[]", b'{"content": 3}', b"[" * 100_000):
            response = await self.request(port, "POST", "/messages", body)
            self.assertEqual((400, "bad_request"), (response.status, response.error["code"]))

    async def test_too_large(self) -> None:
        """A body over the limit is a 413."""
        _, port = await self.http(max_body="1kB")
        response = await self.request(port, "POST", "/messages", b" " * 1025)
        self.assertEqual((413, 1024), (response.status, response.error["limit"]))

    async def test_wait(self) -> None:
        """A wait that is no number of seconds, or too long, is refused."""
        _, port = await self.http(max_wait=60)
        for wait in ("x", "-1", "61", "nan", "inf", "1e999", "", "%ff"):
            response = await self.request(port, "POST", f"/messages?wait={wait}", {})
            self.assertEqual(400, response.status, wait)

    async def test_queries(self) -> None:
        """A query that is no text, or has parameters without end, is refused."""
        _, port = await self.http()
        for query in ("wait=%ff", "wait=0&" + "&".join(f"a{n}=" for n in range(20))):
            response = await self.request(port, "POST", f"/messages?{query}", {})
            self.assertEqual(400, response.status, query)

    async def test_other_sites(self) -> None:
        """What a browser sends for another site's page is refused, for our own it is not."""
        _, port = await self.http()
        for site, status in (("cross-site", 403), ("same-origin", 202), ("none", 202)):
            response = await self.request(port, "POST", "/messages?wait=0", {}, Sec_Fetch_Site=site)
            self.assertEqual(status, response.status, site)

    async def test_bad_path(self) -> None:
        """A path that is no text is refused."""
        _, port = await self.http()
        response = await self.request(port, "POST", "/tasks/%ff%fe", {})
        self.assertEqual(400, response.status)

    async def test_too_many(self) -> None:
        """More requests than may wait are refused, with a time to come again."""
        transport, port = await self.http(max_waiting=1)
        wire = await self.wire(port)
        wire.say(encoded("POST", "/messages", b"{}", Content_Type="application/json"))
        await self.until(lambda: len(transport.waiting))
        response = await self.request(port, "POST", "/messages", {})
        self.assertEqual((503, "1"), (response.status, response.headers["Retry-After"]))

    def test_bounded(self) -> None:
        """How much clients may pile up is bounded, though nobody says so."""
        self.assertGreater(HttpConfig({"transport_name": "web"}).max_depth, 0)

    async def test_queue_full(self) -> None:
        """A queue that is full is a 503."""
        _, port = await self.http(max_depth=1)
        statuses = [
            (await self.request(port, "POST", "/messages?wait=0", {})).status for _ in range(2)
        ]
        self.assertEqual([202, 503], statuses)

    async def test_internal(self) -> None:
        """What goes wrong here is a 500 that gives nothing away, and is logged."""
        transport, port = await self.http()
        transport.exchange._publish = lambda message, window: 1 / 0  # type: ignore[assignment]
        response = await self.request(port, "POST", "/messages", {})
        self.assertEqual((500, "internal_error"), (response.status, response.error["code"]))
        self.assertNotIn("division", response.body.decode())
        self.assertEqual(1, len(self.flushLoggedErrors(ZeroDivisionError)))


class Health(HttpCase):
    """GET /health says whether messages can be taken."""

    async def test_well(self) -> None:
        """All is well."""
        _, port = await self.http()
        response = await self.request(port, "GET", "/health")
        self.assertEqual(
            (200, {"status": "ok", "problem": None, "waiting": 0}), (response.status, response.json)
        )

    async def test_broker_away(self) -> None:
        """Without a broker it is not well, says why, and takes no messages."""
        transport, port = await self.http()
        broker: MemoryBroker = transport.broker
        broker.available, broker.problem = False, "gone fishing"
        response = await self.request(port, "GET", "/health")
        self.assertEqual(503, response.status)
        self.assertIn("gone fishing", response.json["problem"])
        for path in ("/messages", "/tasks/x"):
            response = await self.request(port, "POST", path, {})
            self.assertEqual((503, "1"), (response.status, response.headers["Retry-After"]))


class Ending(HttpCase):
    """Who stops the server knows when nothing is being answered."""

    async def test_idle(self) -> None:
        """It is idle when the last request has its answer."""
        echo = await self.start(Echo)
        await echo.pause_connectors()
        transport, port = await self.http()
        await transport._routes.when_idle()
        asked = Deferred.fromCoroutine(self.request(port, "POST", "/messages", {}))
        await self.until(lambda: len(transport.waiting))
        idle = transport._routes.when_idle()
        self.assertFalse(idle.called)
        echo.unpause_connectors()
        await asked
        await idle
