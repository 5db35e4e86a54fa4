"""Tests of pipeline.middleware.csrf."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, ClassVar

from twisted.logger import capturedLogs

from pipeline.errors import ConfigError
from pipeline.middleware.csrf import CsrfMiddlewareConfig
from tests.middleware.test_authentication import ADA, AUTHENTICATION, BEARER, SESSION, USERS
from tests.middleware.visits import Browser, VisitCase, asked, set_cookies

CSRF = "pipeline.middleware.csrf.CsrfMiddleware"


class CsrfCase(VisitCase):
    """An application that asks for tokens."""

    LISTED: ClassVar[list[Any]] = [
        {"session": SESSION},
        {"csrf": CSRF},
        {"auth": AUTHENTICATION},
    ]
    ROUTES = "tests.middleware.members.routes"
    AUTH: ClassVar[dict[str, Any]] = {"users": USERS, "by": ["session", "bearer"]}

    def protected(self, **options: Any) -> Any:
        return self.app(csrf=options, auth=self.AUTH)

    def browser(self) -> tuple[Browser, str]:
        """A browser that has seen a form, and the token in it."""
        browser = Browser(self)
        return browser, browser.get("/token").text


class Tokens(CsrfCase):
    """A form of this site passes."""

    def test_passes(self) -> None:
        """With the token of a page that the browser got, in the form or in a header."""
        for keep_in in ("session", "cookie"):
            app = self.protected(keep_in=keep_in)
            browser, token = self.browser()
            self.assertEqual("saved", browser.post("/save", {"csrf_token": token}).text)
            header = browser.post("/save", headers={"X-CSRF-Token": token})
            self.assertEqual("saved", header.text)
            headers = {"Origin": "https://example.com", "X-CSRF-Token": token}
            for method in ("PUT", "DELETE", "PATCH"):
                message = browser.message("/save", method, headers=headers)
                self.assertEqual("saved", self.ask(message).text)
            self.successResultOf(app.stop_worker(0))

    def test_masked(self) -> None:
        """Tokens of one secret have no letters in common, and are all good."""
        self.protected()
        browser = Browser(self)
        tokens = {browser.get("/token").text for _ in range(5)}
        self.assertEqual(5, len(tokens))
        self.assertEqual({"saved"}, {browser.post("/save", {"csrf_token": t}).text for t in tokens})

    def test_without(self) -> None:
        """Without one, or with nonsense, it is a 403 that doesn't say why; the log does."""
        self.protected()
        browser, token = self.browser()
        wrong = ("", "x", token[:-2], token + "AA", "\u00e4", token.swapcase())
        with capturedLogs() as logged:
            for each in wrong:
                response = browser.post("/save", {"csrf_token": each})
                self.assertEqual((403, "Forbidden"), (response.status, response.text))
        reasons = [event["reason"] for event in logged if "reason" in event]
        self.assertIn("no token", reasons[0])
        self.assertEqual(["the token is another's, or of another time"] * 5, reasons[1:])
        self.assertEqual(403, Browser(self).post("/save", {"csrf_token": token}).status)

    def test_debug(self) -> None:
        """While developing, the response says why."""
        self.runtime = replace(self.runtime, debug=True)
        self.protected()
        self.assertIn("has no secret", Browser(self).post("/save").text)

    def test_cookie(self) -> None:
        """The secret may be in a cookie: set once, with its flags."""
        self.protected(keep_in="cookie", cookie_name="__Host-csrf", secure="always")
        browser = Browser(self)
        [morsel] = set_cookies(browser.get("/token")).values()
        self.assertEqual((True, True, "/"), (morsel["secure"], morsel["httponly"], morsel["path"]))
        response = browser.get("/token")
        self.assertEqual(("Cookie", False), (response["Vary"], "Set-Cookie" in response))

    def test_template(self) -> None:
        """Templates have the token, and a field that has it."""
        self.LISTED = [*self.LISTED, {"notices": "pipeline.middleware.notices.NoticesMiddleware"}]
        self.protected()
        browser = Browser(self)
        field = '<form><input type="hidden" name="csrf_token" value="(.*)"></form>(.*)'
        found = re.fullmatch(field, browser.get("/page").text)
        assert found is not None
        for token in found.groups():
            self.assertEqual("saved", browser.post("/save", {"csrf_token": token}).text)

    def test_log_in(self) -> None:
        """A log-in makes all tokens before it worthless; so does a log-out."""
        for keep_in in ("session", "cookie"):
            app = self.protected(keep_in=keep_in)
            browser, token = self.browser()
            self.assertEqual(302, browser.post("/enter", {**ADA, "csrf_token": token}).status)
            self.assertEqual(403, browser.post("/save", {"csrf_token": token}).status)
            token = browser.get("/token").text
            self.assertEqual("bye", browser.post("/leave", {"csrf_token": token}).text)
            self.assertEqual(403, browser.post("/save", {"csrf_token": token}).status)
            self.successResultOf(app.stop_worker(0))


class Origins(CsrfCase):
    """Who has made the page."""

    def test_origin(self) -> None:
        """This site's origin and trusted ones pass, no other."""
        self.protected(trusted_origins=["https://shop.example", "https://*.trusted.example"])
        browser, token = self.browser()
        seen = {
            origin: browser.post("/save", {"csrf_token": token}, headers={"Origin": origin}).status
            for origin in (
                "https://example.com",
                "https://EXAMPLE.com:443",
                "https://shop.example",
                "https://a.b.trusted.example",
                "http://example.com",
                "https://example.com:8443",
                "https://trusted.example",
                "https://eviltrusted.example",
                "http://a.trusted.example",
                "https://evil.example",
                "null",
                "",
            )
        }
        self.assertEqual([200] * 4 + [403] * 8, list(seen.values()))

    def test_referer(self) -> None:
        """Over TLS, who sends no Origin must send a Referer of this site."""
        self.protected()
        browser, token = self.browser()
        seen = [
            self.ask(
                browser.message("/save", "POST", headers=each, form={"csrf_token": token})
            ).status
            for each in (
                {"Referer": "https://example.com/form?a=b"},
                {"Referer": "https://example.com.evil.example/"},
                {"Referer": "http://example.com/"},
                {"Referer": "https://[evil/"},
                {"Referer": ""},
                {},
            )
        ]
        self.assertEqual([200] + [403] * 5, seen)

    def test_no_tls(self) -> None:
        """Without TLS the token is enough if there is no Origin."""
        self.protected()
        browser, token = self.browser()
        message = browser.message("/save", "POST", form={"csrf_token": token}, scheme="http")
        self.assertEqual("saved", self.ask(message).text)


class Passing(CsrfCase):
    """What needs no token."""

    def test_safe(self) -> None:
        """Methods that change nothing pass, as does a view that is exempt."""
        self.protected()
        for method in ("GET", "HEAD", "OPTIONS"):
            self.assertEqual(200, self.ask(asked("/save", method)).status)
        self.assertEqual("hooked", self.ask(asked("/hook", "POST")).text)

    def test_bearer(self) -> None:
        """Who has a bearer token is a program: no browser sends one by itself."""
        self.protected()
        self.assertEqual("saved", self.ask(asked("/save", "POST", BEARER)).text)
        wrong = {"Authorization": "Bearer tok-of-nobody-at-all"}
        self.assertEqual(401, self.ask(asked("/save", "POST", wrong)).status)

    def test_plain(self) -> None:
        """What is no HTTP passes."""
        self.protected()
        self.assertEqual(["saved"], self.text("save"))


class Options(CsrfCase):
    """What can't be."""

    def test_wrong(self) -> None:
        """An origin that is none, and names that break forms or headers, are errors."""
        wrong: list[dict[str, Any]] = [
            {"trusted_origins": ["shop.example"]},
            {"trusted_origins": ["https://shop.example/path"]},
            {"trusted_origins": 7},
            {"field": 'a"><script>'},
            {"header": "X\r\nY"},
            {"cookie_name": "a;b"},
        ]
        for options in wrong:
            self.assertRaises(ConfigError, CsrfMiddlewareConfig, options, True)

    def test_needs(self) -> None:
        """With the secret in a cookie it needs no session."""
        self.LISTED = [{"csrf": CSRF}]
        self.app(csrf={"keep_in": "cookie"})
        browser, token = self.browser()
        self.assertEqual("saved", browser.post("/save", {"csrf_token": token}).text)
