"""Tests of pipeline.middleware.security."""

from __future__ import annotations

from typing import Any, ClassVar

from pipeline.errors import ConfigError
from pipeline.middleware.security import SecurityMiddlewareConfig
from tests.middleware.members import OWN
from tests.middleware.visits import VisitCase, asked

SECURITY = "pipeline.middleware.security.SecurityMiddleware"
FRAMES = ("X-Frame-Options", "Content-Security-Policy")


class SecurityCase(VisitCase):
    """An application that is careful."""

    LISTED: ClassVar[list[Any]] = [
        {"security": SECURITY},
        {"session": "pipeline.middleware.session.SessionMiddleware"},
        {"auth": "pipeline.middleware.authentication.AuthenticationMiddleware"},
    ]
    ROUTES = "tests.middleware.members.routes"

    def careful(self, **options: Any) -> Any:
        return self.app(security=options)

    def headers(self, path: str = "/save", **more: Any) -> dict[str, str]:
        """Of these headers, those that a response has."""
        response = self.ask(asked(path, **more))
        return {name: response[name] for name in OWN if name in response}


class Headers(SecurityCase):
    """What browsers are told."""

    def test_defaults(self) -> None:
        """All but HSTS is said if nobody says otherwise, also with an error."""
        self.careful()
        expected = {
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",
            "Cross-Origin-Opener-Policy": "same-origin",
            "X-Frame-Options": "DENY",
            "Content-Security-Policy": "frame-ancestors 'none'",
        }
        self.assertEqual(expected, self.headers())
        self.assertEqual(expected, self.headers("/private"))

    def test_own(self) -> None:
        """What a view has set stays."""
        self.careful(hsts="1h")
        self.assertEqual(dict.fromkeys(OWN, "own"), self.headers("/own-headers"))

    def test_none(self) -> None:
        """Each can be turned off."""
        off = dict.fromkeys(("referrer_policy", "opener_policy", "frame"), "none")
        self.careful(nosniff=False, **off)
        self.assertEqual({}, self.headers())

    def test_hsts(self) -> None:
        """Over TLS browsers are told to come over TLS only; without, they are told nothing."""
        self.careful(hsts="365d", hsts_subdomains=True, hsts_preload=True)
        name = "Strict-Transport-Security"
        expected = "max-age=31536000; includeSubDomains; preload"
        self.assertEqual(expected, self.headers()[name])
        self.assertNotIn(name, self.headers(scheme="http"))

    def test_frames(self) -> None:
        """Own frames may be allowed; some views, and some paths, may be in any."""
        self.careful(frame="SAMEORIGIN", frame_exempt=["^/tok"])
        found = self.headers()
        self.assertEqual(["SAMEORIGIN", "frame-ancestors 'self'"], [found[name] for name in FRAMES])
        for path in ("/widget", "/widget?a=b"):
            self.assertFalse(set(FRAMES) & set(self.headers(path)))

    def test_policies(self) -> None:
        """A policy of the view's is kept; if it says who may frame the page, that is enough."""
        self.careful()
        found = self.headers("/with-policy?policy=default-src")
        self.assertEqual(["DENY", "default-src"], [found[name] for name in FRAMES])
        found = self.headers("/with-policy?policy=frame-ancestors+a.example")
        self.assertEqual([None, "frame-ancestors a.example"], [found.get(n) for n in FRAMES])

    def test_plain(self) -> None:
        """What is no HTTP passes."""
        self.careful(redirect=True)
        self.assertEqual(["saved"], self.text("save"))


class ToTls(SecurityCase):
    """The way to TLS."""

    def test_redirect(self) -> None:
        """What comes without TLS is sent to the same over TLS, with its method."""
        self.careful(redirect=True, redirect_exempt=["^/save$"])
        response = self.ask(asked("/me?a=%20b", scheme="http"))
        self.assertEqual(
            (301, "https://example.com/me?a=%20b"), (response.status, response["Location"])
        )
        self.assertEqual(308, self.ask(asked("/me", "POST", scheme="http")).status)
        self.assertEqual(200, self.ask(asked("/me")).status)
        self.assertEqual(200, self.ask(asked("/save", scheme="http")).status)

    def test_host(self) -> None:
        """The host is the one that was asked, if it is one, or a given one."""
        app = self.careful(redirect=True)
        hosts = ("evil.example/x", "a b", "", "user@evil.example", "a\\b")
        seen = [
            self.ask(asked("/me", scheme="http", headers={"Host": host})).status for host in hosts
        ]
        self.assertEqual([400] * len(hosts), seen)
        ipv6 = self.ask(asked("/me", scheme="http", headers={"Host": "[::1]:8080"}))
        self.assertEqual("https://[::1]:8080/me", ipv6["Location"])
        self.successResultOf(app.stop_worker(0))
        self.careful(redirect=True, redirect_host="www.example.com")
        response = self.ask(asked("/\u00e4", scheme="http", headers={"Host": "evil.example"}))
        self.assertEqual("https://www.example.com/%C3%A4", response["Location"])


class NotModified(SecurityCase):
    """What a browser has already."""

    LISTED: ClassVar[list[Any]] = [
        {"security": SECURITY},
        {"conditional": "pipeline.middleware.conditional.ConditionalMiddleware"},
        *SecurityCase.LISTED[1:],
    ]

    def test_policy(self) -> None:
        """With a 304 comes no policy to replace the page's own; TLS is asked for as ever."""
        self.careful(hsts="1h")
        path = "/with-policy?policy=default-src"
        tag = self.ask(asked(path))["ETag"]
        again = asked(path, headers={"If-None-Match": tag})
        self.assertEqual(304, self.ask(again).status)
        found = self.headers(path, headers={"If-None-Match": tag})
        self.assertEqual({"Strict-Transport-Security": "max-age=3600"}, found)


class Options(SecurityCase):
    """What can't be."""

    def test_wrong(self) -> None:
        """A host that is none, a preload that browsers refuse, and no pattern are errors."""
        wrong: list[dict[str, Any]] = [
            {"redirect_host": "a b"},
            {"hsts_preload": True},
            {"hsts_preload": True, "hsts_subdomains": True, "hsts": "1d"},
            {"frame_exempt": ["("]},
            {"frame_exempt": 7},
            {"referrer_policy": "sometimes"},
        ]
        for options in wrong:
            self.assertRaises(ConfigError, SecurityMiddlewareConfig, options, True)
