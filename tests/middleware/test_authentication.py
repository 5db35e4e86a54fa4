"""Tests of pipeline.middleware.authentication."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any, ClassVar

from twisted.internet.defer import Deferred

from pipeline.applications.requests import RequestApplication
from pipeline.errors import ConfigError
from pipeline.identity.credentials import hashed_password
from pipeline.identity.denied import Busy
from pipeline.identity.users import User
from pipeline.middleware.authentication import AuthenticationMiddlewareConfig
from pipeline.requests import Response
from tests.middleware.systems import RedisCase
from tests.middleware.visits import Browser, VisitCase, asked

SESSION = "pipeline.middleware.session.SessionMiddleware"
AUTHENTICATION = "pipeline.middleware.authentication.AuthenticationMiddleware"
PASSWORD, TOKEN = "correct horse", "tok-0123456789abcdef"
USERS: dict[str, Any] = {
    "ada": {
        "name": "Ada",
        "password": PASSWORD,
        "token": TOKEN,
        "permissions": ["edit"],
        "addresses": ["+27"],
    },
    "bob": {"password": "battery staple"},
}
ADA, BOB = {"name": "ada", "password": PASSWORD}, {"name": "bob", "password": "battery staple"}


def basic(name: str, password: str) -> dict[str, str]:
    """The header of Basic."""
    said = base64.b64encode(f"{name}:{password}".encode()).decode()
    return {"Authorization": f"Basic {said}"}


BEARER = {"Authorization": f"Bearer {TOKEN}"}


class MemberCase(VisitCase):
    """An application that knows users."""

    LISTED: ClassVar[list[Any]] = [{"session": SESSION}, {"auth": AUTHENTICATION}]
    ROUTES = "tests.middleware.members.routes"

    def members(self, **options: Any) -> Any:
        return self.app(auth={"users": USERS, **options})

    def who(self, headers: dict[str, str] | None = None) -> str:
        return self.ask(asked("/me", headers=headers)).text


class BySession(MemberCase):
    """Who has logged in."""

    def test_log_in(self) -> None:
        """Whoever logs in is known from then on, until they log out."""
        self.members()
        browser = Browser(self)
        self.assertEqual("nobody by None", browser.get("/me").text)
        self.assertEqual(403, browser.post("/enter", {**ADA, "password": "x" * 20}).status)
        self.assertEqual("nobody by None", browser.get("/me").text)
        self.assertEqual(302, browser.post("/enter", ADA).status)
        self.assertEqual("Ada by session", browser.get("/me").text)
        browser.post("/leave")
        self.assertEqual(("nobody by None", {}), (browser.get("/me").text, browser.cookies))

    def test_vary(self) -> None:
        """To look at the user is to look into the session; who doesn't varies on no cookie."""
        self.members()
        self.assertEqual("Cookie", self.ask(asked("/me"))["Vary"])
        self.assertNotIn("Vary", self.ask(asked("/save")))

    def test_rotation(self) -> None:
        """A log-in gives the session a new id, and keeps what an anonymous one had in it; another
        user's is gone."""
        self.members()
        browser = Browser(self)
        browser.get("/remember")
        before = dict(browser.cookies)
        browser.post("/enter", ADA)
        self.assertNotEqual(before, browser.cookies)
        self.assertEqual("['a']", browser.get("/cart").text)
        browser.post("/enter", BOB)
        self.assertEqual(
            ("None", "bob by session"), (browser.get("/cart").text, browser.get("/me").text)
        )
        browser.cookies = before
        self.assertEqual("nobody by None", browser.get("/me").text)

    def test_gone(self) -> None:
        """The session of a user who is gone is over, with all that is in it."""
        app = self.members()
        browser = Browser(self)
        browser.post("/enter", ADA)
        browser.get("/remember")
        self.successResultOf(app.stop_worker(0))
        self.members(users={"bob": USERS["bob"]})
        self.assertEqual("None", browser.get("/cart").text)
        self.assertEqual("nobody by None", browser.get("/me").text)

    def test_plain(self) -> None:
        """Who writes messages may log in, too; the session is the address's."""
        self.members()
        self.assertEqual(["nobody by None"], self.text("me"))
        self.assertEqual(["wrong"], self.text("enter bob wrong-password"))
        self.assertEqual(["welcome"], self.text("enter bob battery staple"))
        self.assertEqual(["bob by session"], self.text("me"))
        self.assertEqual(["nobody by None"], self.text("me", from_addr="+28"))
        self.text("leave")
        self.assertEqual(["nobody by None"], self.text("me"))


class ByHeader(MemberCase):
    """Programs, which say who they are each time."""

    def test_bearer(self) -> None:
        """A token tells its user; somebody else's is a 401 with a challenge."""
        self.members(by=["session", "bearer"])
        self.assertEqual("Ada by bearer", self.who(BEARER))
        refused = self.ask(asked("/me", headers={"Authorization": "Bearer tok-of-nobody-at-all"}))
        expected = (401, 'Bearer realm="pipeline"')
        self.assertEqual(expected, (refused.status, refused["WWW-Authenticate"]))

    def test_basic(self) -> None:
        """So do name and password; what can't be read, and two headers, are refused as well."""
        self.members(by=["basic"])
        self.assertEqual("Ada by basic", self.who(basic("ada", PASSWORD)))
        for wrong in (basic("ada", "x" * 20), basic("eve", PASSWORD), {"Authorization": "Basic %"}):
            self.assertEqual(401, self.ask(asked("/me", headers=wrong)).status)

    def test_others(self) -> None:
        """A scheme that isn't asked for is none of its business."""
        self.members(by=["session", "bearer"])
        self.assertEqual("nobody by None", self.who(basic("ada", PASSWORD)))

    def test_too_often(self) -> None:
        """Who fails too often is refused for a while, whatever they say; others are not."""
        self.members(by=["session", "bearer", "basic"], max_failures=3, failure_window="1m")
        for _ in range(3):
            self.assertEqual(401, self.ask(asked("/me", headers=basic("ada", "x" * 20))).status)
        refused = self.ask(asked("/me", headers=BEARER))
        self.assertEqual((429, "60"), (refused.status, refused["Retry-After"]))
        form = {"method": "POST", "form": ADA}
        self.assertEqual(429, self.ask(asked("/enter", **form)).status)  # type: ignore[arg-type]
        other = asked("/me", headers=BEARER, remote_addr="192.0.2.8")
        self.assertEqual("Ada by bearer", self.ask(other).text)
        self.turn(60)
        self.assertEqual("Ada by bearer", self.who(BEARER))

    def test_busy(self) -> None:
        """While too many passwords are being checked, it is a 503; what else a view raises is
        none of its business."""
        app = self.members(by=["basic"])
        refused = app.middlewares.request[1].process_exception
        asking = Deferred.fromCoroutine(refused(asked("/me"), Busy("come again")))
        response = self.successResultOf(asking)
        self.assertEqual((503, "1"), (response.status, response["Retry-After"]))
        other = Deferred.fromCoroutine(refused(asked("/me"), KeyError("x")))
        self.assertIsNone(self.successResultOf(other))

    def test_two_headers(self) -> None:
        """Two headers say two things: neither counts."""
        self.members(by=["bearer"])
        message = asked("/me", headers=BEARER)
        message.extra["http"]["headers"].append(["Authorization", "Bearer x"])
        self.assertEqual(401, self.ask(message).status)

    def test_network(self) -> None:
        """The addresses of one network of IPv6 count as one."""
        self.members(by=["bearer"], max_failures=1)
        wrong = {"Authorization": "Bearer tok-of-nobody-at-all"}
        seen = [
            self.ask(asked("/me", headers=wrong, remote_addr=f"2001:db8::{n}")).status
            for n in (1, 2)
        ]
        self.assertEqual([401, 429], seen)


class ByAddress(MemberCase):
    """Users of other transports."""

    def test_known(self) -> None:
        """A user is known by an address that the transport vouches for; HTTP has none."""
        self.members(by=["address"])
        self.assertEqual(["Ada by address"], self.text("me"))
        self.assertEqual(["nobody by None"], self.text("me", from_addr="+28"))
        self.assertEqual("nobody by None", self.ask(asked("/me", remote_addr="+27")).text)

    def test_refused(self) -> None:
        """Who is not known is told so."""
        self.members(by=["address"])
        self.assertEqual(["private"], self.text("private"))
        self.assertEqual(["log in first"], self.text("private", from_addr="+28"))


class ByTransport(MemberCase):
    """Users whom the transport has asked already."""

    def test_known(self) -> None:
        """The transport's user is the user of that id; a plain message can't say so."""
        self.members(by=["transport"])
        for name, expected in (("ada", "Ada by transport"), ("eve", "nobody by None")):
            message = asked("/me")
            message.transport_metadata["user"] = name
            self.assertEqual(expected, self.ask(message).text)
        self.assertEqual("nobody by None", self.who())
        said = self.text("me", transport_metadata={"user": "ada"})
        self.assertEqual(["nobody by None"], said)


class BackEnds(MemberCase):
    """Users of a class of one's own."""

    OWN: ClassVar[dict[str, Any]] = {
        "users": {},
        "back_end": "tests.middleware.members.Directory",
        "back_end_options": {"only": "zoe"},
    }

    def test_own(self) -> None:
        """It is asked for users and credentials, started and stopped."""
        app = self.members(**self.OWN)
        browser = Browser(self)
        browser.post("/enter", {"name": "zoe", "password": "open sesame"})
        self.assertEqual("Only by session", browser.get("/me").text)
        directory = app.middlewares.request[1].back_end
        self.successResultOf(app.stop_worker(0))
        self.assertEqual(["start", "stop"], directory.log)

    def test_password_changed(self) -> None:
        """Who has another password has to log in again."""
        app = self.members(**self.OWN)
        browser = Browser(self)
        browser.post("/enter", {"name": "zoe", "password": "open sesame"})
        users = app.middlewares.request[1].back_end.users
        users["zoe"] = replace(users["zoe"], fingerprint="other")
        self.assertEqual("nobody by None", browser.get("/me").text)

    def test_fingerprint(self) -> None:
        """A password that is given as a hash has one that stays; another password has another."""
        hashes = [hashed_password(PASSWORD) for _ in range(2)]
        prints = [
            AuthenticationMiddlewareConfig({"users": {"a": {"password": each}}}, static=True)
            .users["a"]
            .user.fingerprint
            for each in (hashes[0], hashes[0], hashes[1])
        ]
        self.assertEqual(prints[0], prints[1])
        self.assertNotEqual(prints[0], prints[2])
        self.assertNotIn(prints[0], hashes[0])
        self.assertNotIn(prints[0], repr(User("a", fingerprint=prints[0])))


class Options(MemberCase):
    """What can't be, and where it stands."""

    def test_order(self) -> None:
        """Authentication by session stands after the session: the error says which line to move.
        By token alone it needs none."""
        late = [{"auth": AUTHENTICATION}, {"session": SESSION}]
        for listed, said in ((late, "move it below 'session'"), (late[:1], "needs Session")):
            worker = RequestApplication(
                "w",
                {"transport_name": "a", "routes": self.ROUTES, "middleware": listed},
                self.runtime,
            )
            failure = self.failureResultOf(Deferred.fromCoroutine(worker.setup_middleware()))
            self.assertIsInstance(failure.value, ConfigError)
            self.assertIn(said, str(failure.value))
        self.LISTED = late[:1]
        self.members(by=["bearer"])
        self.assertEqual("Ada by bearer", self.who(BEARER))

    def test_wrong(self) -> None:
        """Users that can't be are errors, which show no secret."""
        own = "tests.middleware.members.Directory"
        wrong: dict[str, dict[str, Any]] = {
            "expected a mapping of users": {"users": 7},
            "ada: expected a mapping": {"users": {"ada": "secret-password"}},
            "there is no option 'pasword'": {"users": {"ada": {"pasword": "secret-password"}}},
            "at least 8 characters": {"users": {"ada": {"password": "secret"}}},
            "have the same token": {"users": {"a": {"token": TOKEN}, "b": {"token": TOKEN}}},
            "the same address": {"users": {"a": {"addresses": ["+1"]}, "b": {"addresses": ["+1"]}}},
            "expected texts": {"users": {"a": {"permissions": [7]}}},
            "either these or": {"users": {"a": {}}, "back_end": own},
            "does not implement": {"back_end": "builtins.dict"},
            "there is no 'tokn'": {"by": ["tokn"]},
        }
        for said, options in wrong.items():
            error = self.assertRaises(ConfigError, AuthenticationMiddlewareConfig, options, True)
            self.assertIn(said, str(error))
            self.assertNotIn("secret", str(error).replace("{password: ${SECRET}}", ""))


class Redis(RedisCase):
    """Over a real server, with hashed passwords that are checked in threads."""

    async def test_hashed(self) -> None:
        """A view in the reactor awaits the check, one in a thread waits for it; another worker
        knows the user afterwards."""
        users = {"ada": {"name": "Ada", "password": hashed_password(PASSWORD)}}
        app = await self.app(users)
        for path in ("/enter-in-thread", "/enter"):
            browser = Browser(self)
            wrong = browser.message(path, "POST", form={**ADA, "password": "x" * 20})
            self.assertEqual(403, (await self.asked(browser, wrong)).status)
            right = browser.message(path, "POST", form=ADA)
            self.assertIn((await self.asked(browser, right)).status, (200, 302))
        await self.helper.cleanup_worker(app)
        await self.app(users)
        self.assertEqual("Ada by session", (await self.asked(browser, browser.message("/me"))).text)
        for name in ("ada", "nobody"):
            header = browser.message("/me", headers=basic(name, "x" * 20))
            self.assertEqual(401, (await self.asked(browser, header)).status)

    async def app(self, users: Any) -> Any:
        options = {"transport_name": "sms", "routes": MemberCase.ROUTES}
        auth = {"users": users, "by": ["basic", "session"]}
        listed = MemberCase.LISTED
        return await self.started(
            RequestApplication, {**options, "middleware": listed, "auth": auth}
        )

    async def asked(self, browser: Browser, message: Any) -> Response:
        await self.helper.clear_dispatched("outbound")
        await self.helper.dispatch("inbound", message)
        [reply] = await self.helper.wait_for_dispatched("outbound", 1)
        return browser.keep(Response.from_fields(reply.extra["http"]))
