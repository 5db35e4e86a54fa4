"""Tests of pipeline.middleware.session."""

from __future__ import annotations

import hashlib
from typing import Any, ClassVar

from twisted.internet.defer import Deferred

from pipeline.applications.requests import RequestApplication
from pipeline.errors import ConfigError
from pipeline.middleware.session import SessionMiddlewareConfig
from pipeline.requests import Request, Response
from tests.middleware import shop
from tests.middleware.systems import RedisCase
from tests.middleware.visits import Browser, VisitCase, asked, set_cookies

SESSION = "pipeline.middleware.session.SessionMiddleware"


class SessionCase(VisitCase):
    """An application with sessions."""

    LISTED: ClassVar[list[Any]] = [{"session": SESSION}]
    ROUTES = "tests.middleware.shop.routes"

    def stored(self, key: str) -> bytes | None:
        value: bytes | None = self.successResultOf(self.looker.reader(0).read("get", key))
        return value

    def stored_of(self, id: str) -> bytes | None:
        return self.stored(f"session:cookie:{hashlib.sha256(id.encode()).hexdigest()}")


class Browsers(SessionCase):
    """Sessions that a cookie tells."""

    def test_remembered(self) -> None:
        """What a view sets is there at the browser's next request, in any process, and at nobody
        else's."""
        self.app()
        browser, other = Browser(self), Browser(self)
        seen = [browser.get("/count").text for _ in range(3)]
        self.assertEqual((["1", "2", "3"], "1"), (seen, other.get("/count").text))
        self.assertEqual(43, len(browser.cookies["session"]))

    def test_id_is_hashed(self) -> None:
        """The store has a hash of the id, and nothing of the id itself."""
        self.app()
        browser = Browser(self)
        browser.get("/count")
        self.assertEqual(b'{"visits":1}', self.stored_of(browser.cookies["session"]))

    def test_flags(self) -> None:
        """The cookie has the flags that the options say; over TLS it is for TLS only."""
        self.app(session={"cookie_domain": "example.com", "cookie_path": "/count", "age": "1h"})
        [morsel] = set_cookies(self.ask(asked("/count"))).values()
        flags = {name: morsel[name] for name in ("domain", "path", "max-age", "samesite")}
        expected = {"domain": "example.com", "path": "/count", "max-age": "3600", "samesite": "Lax"}
        self.assertEqual((expected, True, True), (flags, morsel["secure"], morsel["httponly"]))
        [morsel] = set_cookies(self.ask(asked("/count", scheme="http"))).values()
        self.assertEqual("", morsel["secure"])

    def test_until_closed(self) -> None:
        """By option the cookie ends with the browser; a session may have it otherwise."""
        self.app(session={"until_closed": True})
        ages = [
            set_cookies(self.ask(asked(path)))["session"]["max-age"]
            for path in ("/count", "/short?seconds=0", "/short")
        ]
        self.assertEqual(["", "", "60"], ages)

    def test_untouched(self) -> None:
        """A view that has nothing to do with the session makes none, and varies on no cookie; one
        that looks into it does vary, and writes nothing."""
        self.app()
        response = Browser(self).get("/plain")
        self.assertEqual([False, False], [name in response for name in ("Vary", "Set-Cookie")])
        response = Browser(self).get("/look")
        self.assertEqual(("Cookie", False), (response["Vary"], "Set-Cookie" in response))

    def test_within_a_value(self) -> None:
        """A change within a value is kept as well."""
        self.app()
        browser = Browser(self)
        self.assertEqual(
            ['["a"]', '["a","b"]'], [browser.get(f"/cart/{item}").text for item in "ab"]
        )

    def test_failures(self) -> None:
        """A request that comes to a 5xx changes nothing in its session."""
        self.app()
        browser = Browser(self)
        browser.get("/count")
        for path in ("/broken", "/unavailable"):
            self.assertNotIn("Set-Cookie", browser.get(path))
        self.assertEqual('{"visits":1}', browser.get("/look").text)
        self.flushLoggedErrors(KeyError)

    def test_age(self) -> None:
        """A session ends when its age has passed since its last change."""
        self.app(session={"age": "10s"})
        browser = Browser(self)
        browser.get("/count")
        self.turn(9)
        self.assertEqual("2", browser.get("/count").text)
        self.turn(9)
        self.assertNotIn("Set-Cookie", browser.get("/look"))
        self.turn(2)
        self.assertEqual("1", browser.get("/count").text)

    def test_rolling(self) -> None:
        """With `rolling` it lives on as long as it is used, and the cookie with it."""
        self.app(session={"age": "10s", "rolling": True})
        browser = Browser(self)
        browser.get("/count")
        for _ in range(3):
            self.turn(9)
            self.assertEqual("10", set_cookies(browser.get("/look"))["session"]["max-age"])
        self.assertEqual("2", browser.get("/count").text)

    def test_own_expiry(self) -> None:
        """A session may have a time of its own."""
        self.app()
        browser = Browser(self)
        self.assertEqual("60", set_cookies(browser.get("/short"))["session"]["max-age"])
        self.turn(61)
        self.assertEqual("{}", browser.get("/look").text)

    def test_rotation(self) -> None:
        """A new id has what was in the session; the old one is worth nothing."""
        self.app()
        browser = Browser(self)
        browser.get("/count")
        old = dict(browser.cookies)
        browser.get("/rotate")
        self.assertNotEqual(old, browser.cookies)
        self.assertEqual("2", browser.get("/count").text)
        browser.cookies = old
        self.assertEqual("1", browser.get("/count").text)

    def test_flush(self) -> None:
        """What is flushed is gone here and there: from the store, and the cookie."""
        self.app()
        browser = Browser(self)
        browser.get("/count")
        old = browser.cookies["session"]
        [morsel] = set_cookies(browser.get("/flush")).values()
        self.assertEqual(("0", "", True), (morsel["max-age"], morsel.value, morsel["secure"]))
        self.assertEqual(({}, None), (browser.cookies, self.stored_of(old)))

    def test_too_large(self) -> None:
        """A session that gets larger than max_size is not kept: the request is a 500."""
        self.app(session={"max_size": "1kB"})
        browser = Browser(self)
        browser.get("/count")
        self.assertEqual([200, 500], [browser.get(f"/large/{n}").status for n in (900, 1024)])
        self.assertEqual("2", browser.get("/count").text)
        [failure] = self.flushLoggedErrors(ValueError)
        self.assertIn("more than max_size (1024)", str(failure.value))

    def test_no_json(self) -> None:
        """A value that can't be JSON is an error of the view: a 500."""
        self.app()
        self.assertEqual(500, Browser(self).get("/odd").status)
        self.assertEqual(1, len(self.flushLoggedErrors(TypeError)))


class Together(SessionCase):
    """Requests of one session at the same time."""

    def test_conflict(self) -> None:
        """If another process changes the session meanwhile, the request is handled again: no
        change is lost."""
        self.app(), self.app()
        browser = Browser(self)
        browser.get("/count")

        async def other() -> None:
            # Whichever of the two is free takes it.
            self.put("sms.inbound", browser.message("/count"))

        shop.meanwhile[:] = [other]
        self.put("sms.inbound", browser.message("/between"))
        self.turn(1)
        self.assertEqual(["2", "3"], sorted(each.text for each in self.answers()))
        self.assertEqual("4", browser.get("/count").text)

    def test_tried_again(self) -> None:
        """A request that is handled again has changed nothing before."""
        self.app()
        browser = Browser(self)
        browser.get("/count")
        tried: list[str] = []

        async def first() -> None:
            tried.append("first")

        shop.meanwhile[:] = [first]
        self.put("sms.inbound", browser.message("/busy"))
        self.turn(2)
        self.assertEqual((["first"], ["2"]), (tried, [each.text for each in self.answers()]))

    def test_logged_out_meanwhile(self) -> None:
        """What is flushed meanwhile doesn't come back: the other request begins a new session."""
        self.app(), self.app()
        browser = Browser(self)
        browser.get("/count")
        old = browser.cookies["session"]

        async def other() -> None:
            self.put("sms.inbound", browser.message("/flush"))

        shop.meanwhile[:] = [other]
        self.put("sms.inbound", browser.message("/between"))
        self.turn(1)
        self.assertEqual({"flushed", "1"}, {each.text for each in self.answers()})
        self.assertIsNone(self.stored_of(old))


class Partitions(SessionCase):
    """With several partitions."""

    def broker_options(self) -> dict[str, Any]:
        return {"partitions": 4}

    def test_found(self) -> None:
        """A session is found, and kept, whichever partition a request is in."""
        self.app()
        browser = Browser(self)
        seen = []
        for number in range(8):
            self.put("sms.inbound", browser.message("/count"), partition=number % 4)
            self.turn(1)
            deliveries = [each for at in range(4) for each in self.taken("sms.outbound", at)]
            [reply] = [each.message for each in deliveries]
            response = Response.from_fields(reply.extra["http"])
            seen.append(browser.keep(response).text)
        self.assertEqual([str(number) for number in range(1, 9)], seen)


class Plain(SessionCase):
    """Sessions of addresses, for what is no HTTP."""

    def test_by_address(self) -> None:
        """An address has a session of its own on each transport."""
        self.app()
        self.assertEqual([["1"], ["2"]], [self.text("count"), self.text("count")])
        self.assertEqual(["1"], self.text("count", from_addr="+28"))
        self.assertEqual(["1"], self.text("count", transport_name="other"))
        self.assertEqual(b'{"visits":2}', self.stored("session:address:3:sms:+27"))

    def test_close(self) -> None:
        """It is dropped when the user, or an answer, ends the session of the transport."""
        self.app()
        for end in ({"content": "x", "session_event": "close"}, {"content": "bye"}):
            self.assertEqual(["1"], self.text("count"))
            self.text(**end)
            self.assertIsNone(self.stored("session:address:3:sms:+27"))

    def test_new(self) -> None:
        """A session that begins anew has nothing of one whose end nobody told."""
        self.app()
        self.text("count")
        self.assertEqual(["{}"], self.text("look", session_event="new"))
        self.assertIsNone(self.stored("session:address:3:sms:+27"))
        self.assertEqual(["1"], self.text("count", session_event="new"))
        self.assertEqual(["2"], self.text("count", session_event="resume"))

    def test_flush(self) -> None:
        """A view may forget it."""
        self.app()
        self.text("count")
        self.text("flush")
        self.assertEqual(["1"], self.text("count"))

    def test_no_address(self) -> None:
        """A message without an address has a session for as long as it is handled."""
        self.app()
        self.assertEqual([["1"], ["1"]], [self.text("count", from_addr=None) for _ in range(2)])


class Options(SessionCase):
    """What can't be."""

    def test_wrong(self) -> None:
        """Cookies that browsers refuse, and those that break headers, are errors at the start."""
        wrong: dict[str, dict[str, Any]] = {
            "not the name of a cookie": {"cookie_name": "a b"},
            "expected a path": {"cookie_path": "/a;b"},
            "expected a path,": {"cookie_path": "/\r\nX: y"},
            "not a domain": {"cookie_domain": "a\r\nb"},
            "None takes secure": {"same_site": "None"},
            "__Host-s takes secure": {"cookie_name": "__Host-s"},
            "__Host-s takes no domain": {
                "cookie_name": "__Host-s",
                "secure": "always",
                "cookie_path": "/a",
            },
            "1 s or longer": {"age": 0},
        }
        for said, options in wrong.items():
            error = self.assertRaises(ConfigError, SessionMiddlewareConfig, options, True)
            self.assertIn(said, str(error))

    def test_direct(self) -> None:
        """A request that came in no message has a session, too."""
        app = self.app()
        asking = Deferred.fromCoroutine(app.respond(Request("GET", "/count")))
        response = self.successResultOf(asking)
        self.assertEqual("1", response.text)
        self.assertIsNotNone(self.stored_of(response.cookies["session"].value))


class Redis(RedisCase):
    """Two processes' workers over a real server."""

    async def test_across_workers(self) -> None:
        """A session goes with its browser from one worker to another."""
        browser, seen = Browser(self), []
        for _ in range(3):
            app = await self.app()
            seen.append((await self.asked(browser, "/count")).text)
            await self.helper.cleanup_worker(app)
        self.assertEqual(["1", "2", "3"], seen)

    async def test_thread(self) -> None:
        """A view in a thread has the same session."""
        await self.app()
        browser = Browser(self)
        await self.asked(browser, "/count")
        self.assertEqual("2 False", (await self.asked(browser, "/thread")).text)

    async def test_at_once(self) -> None:
        """Of many requests of one session, handled by two workers at once, every change counts,
        and every request is answered once."""
        browser, first = Browser(self), await self.app()
        await self.asked(browser, "/count")
        await self.helper.cleanup_worker(first)
        for _ in range(30):
            await self.helper.dispatch("inbound", browser.message("/between"))
        await self.app(), await self.app()
        replies = await self.helper.wait_for_dispatched("outbound", 31)
        seen = [int(Response.from_fields(reply.extra["http"]).text) for reply in replies]
        self.assertEqual(list(range(1, 32)), sorted(seen))
        self.assertEqual([], list(await self.helper.dead("inbound")))

    async def app(self) -> Any:
        options = {"transport_name": "sms", "routes": SessionCase.ROUTES}
        return await self.started(RequestApplication, {**options, "middleware": SessionCase.LISTED})

    async def asked(self, browser: Browser, path: str) -> Response:
        message = await self.helper.dispatch("inbound", browser.message(path))

        async def answered() -> bool:
            return any(each.in_reply_to == message.message_id for each in await self.sent())

        await self.helper.until(answered, f"an answer to {path}")
        [reply] = [each for each in await self.sent() if each.in_reply_to == message.message_id]
        return browser.keep(Response.from_fields(reply.extra["http"]))

    async def sent(self) -> list[Any]:
        return list(await self.helper.get_dispatched("outbound"))
