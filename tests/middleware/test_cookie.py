"""Tests of pipeline.middleware.cookie."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from pipeline.middleware.cookie import Cookie, CookieConfig
from pipeline.requests import Request, Response


class Cookies(TestCase):
    """One cookie, as the options say."""

    def test_kept(self) -> None:
        """It is set with the flags of the options, and removed with the same."""
        options = {"cookie_name": "__Host-a", "secure": "always", "same_site": "Strict"}
        cookie = Cookie(CookieConfig(options, static=True))
        response = Response()
        cookie.put(Request(), response, "x", 60.5)
        flags = "HttpOnly; Max-Age=60; Path=/; SameSite=Strict; Secure"
        self.assertEqual(f"__Host-a=x; {flags}", response.cookies["__Host-a"].OutputString())
        cookie.clear(Request(), response)
        [cleared] = [each.OutputString() for each in response.cookies.values()]
        self.assertIn("Max-Age=0", cleared)
        self.assertTrue(cleared.endswith("SameSite=Strict; Secure"), cleared)

    def test_auto(self) -> None:
        """By default it is for TLS only if it was set over TLS."""
        cookie = Cookie(CookieConfig({}, static=True))
        for scheme in ("http", "https"):
            response = Response()
            cookie.put(Request(scheme=scheme), response, "x")
            self.assertEqual(scheme == "https", response.cookies["session"]["secure"])

    def test_scripts(self) -> None:
        """Scripts may read it if the options say so, and its removal says the same."""
        cookie = Cookie(CookieConfig({"http_only": False}, static=True))
        response = Response()
        cookie.put(Request(), response, "x")
        self.assertEqual("session=x; Path=/; SameSite=Lax", _only(response))
        cookie.clear(Request(), response)
        self.assertNotIn("HttpOnly", _only(response))

    def test_read(self) -> None:
        """It is read from the request; None when it isn't there."""
        cookie = Cookie(CookieConfig({}, static=True))
        self.assertEqual("x", cookie.of(Request(headers={"Cookie": "a=b; session=x"})))
        self.assertIsNone(cookie.of(Request()))


def _only(response: Response) -> str:
    """What is sent of the only cookie."""
    [morsel] = response.cookies.values()
    return morsel.OutputString()
