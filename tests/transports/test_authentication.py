"""Tests of pipeline.transports.authentication."""

from __future__ import annotations

import base64
from typing import Any

from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import TestCase

from pipeline.errors import ConfigError
from pipeline.identity.credentials import hashed_password, hashed_token
from pipeline.identity.denied import TooManyFailures, Unknown
from pipeline.transports.authentication import Authentication, AuthenticationConfig
from pipeline.transports.statistics import Statistics

TOKEN = "tok-0123456789abcdef"


def basic(name: str, password: str) -> str:
    """A header."""
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


class Asking(TestCase):
    """Clients say who they are."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.statistics = Statistics()

    def authentication(self, **given: Any) -> Authentication:
        made = Authentication(AuthenticationConfig(given), self.clock, self.statistics)
        made.start()
        self.addCleanup(made.stop)
        return made

    async def refused(self, who: Authentication, header: str | None, peer: str = "a") -> str:
        with self.assertRaises(Unknown) as caught:
            await who.by_header(header, peer)
        return caught.exception.reason

    async def test_nobody(self) -> None:
        """Without credentials nothing is asked."""
        self.assertFalse(self.authentication().is_required)
        self.assertEqual((), self.authentication().challenges)

    async def test_bearer(self) -> None:
        """A token is its name; the scheme may be in any case."""
        who = self.authentication(bearer={"shop": hashed_token(TOKEN), "till": "x" * 16})
        self.assertTrue(who.is_required)
        self.assertEqual("shop", await who.by_header(f"Bearer {TOKEN}", "a"))
        self.assertEqual("till", await who.by_header(f"bearer {'x' * 16}", "a"))
        self.assertEqual(('Bearer realm="pipeline"',), who.challenges)
        for wrong in (f"Bearer {TOKEN}x", "Bearer", "Bearer  ", "Bearer é", f"Bearer {'x' * 9999}"):
            self.assertEqual("this token is nobody's", await self.refused(who, wrong))
        self.assertEqual(5, self.statistics.counts["auth_failures"])

    async def test_basic(self) -> None:
        """A name and its password; a colon and other letters in the password are fine."""
        given = {"ada": hashed_password("s3cret: pässword"), "bob": "in plain text"}
        who = self.authentication(basic=given, realm="the shop")
        self.assertEqual("ada", await who.by_header(basic("ada", "s3cret: pässword"), "a"))
        self.assertEqual("bob", await who.by_header(basic("bob", "in plain text"), "a"))
        self.assertEqual(('Basic realm="the shop", charset="UTF-8"',), who.challenges)
        wrong = (("ada", "in plain text"), ("bob", ""), ("eve", "in plain text"), ("", "x" * 5000))
        for name, password in wrong:
            reason = await self.refused(who, basic(name, password))
            self.assertEqual("this name and password are nobody's", reason)

    async def test_malformed(self) -> None:
        """What can't be read says what is expected, and is no guess."""
        who = self.authentication(basic={"bob": "in plain text"}, bearer={"shop": TOKEN})
        self.assertIn("say who you are", await self.refused(who, None))
        self.assertIn("say who you are", await self.refused(who, "  "))
        self.assertEqual(
            "expected Authorization: Bearer or Basic", await self.refused(who, "Digest x")
        )
        for said in (
            "%%%",
            base64.b64encode(b"bob").decode(),
            base64.b64encode(b"\xff:x").decode(),
        ):
            self.assertIn(
                "must be base64 of name:password", await self.refused(who, f"Basic {said}")
            )
        self.assertEqual({}, dict(self.statistics.counts))

    async def test_one_scheme(self) -> None:
        """A scheme that has no credentials is not taken."""
        who = self.authentication(bearer={"shop": TOKEN})
        self.assertIn("expected Authorization: Bearer", await self.refused(who, basic("a", "b")))

    async def test_too_many(self) -> None:
        """After max_failures an address is refused for a while, also with what is right."""
        who = self.authentication(bearer={"shop": TOKEN}, max_failures=2, failure_window=60)
        for _ in range(2):
            await self.refused(who, "Bearer wrong")
        with self.assertRaises(TooManyFailures) as caught:
            await who.by_header(f"Bearer {TOKEN}", "a")
        self.assertEqual(60, caught.exception.retry_after)
        self.assertEqual("shop", await who.by_header(f"Bearer {TOKEN}", "b"))
        self.clock.advance(60)
        self.assertEqual("shop", await who.by_header(f"Bearer {TOKEN}", "a"))
        self.assertEqual({"auth_failures": 2, "auth_refused": 1}, dict(self.statistics.counts))

    async def test_not_logged(self) -> None:
        """No secret, right or wrong, is in any log event."""
        events: list[Any] = []
        globalLogPublisher.addObserver(events.append)
        self.addCleanup(globalLogPublisher.removeObserver, events.append)
        who = self.authentication(
            bearer={"shop": TOKEN}, basic={"ada": "hush hush"}, max_failures=1
        )
        await self.refused(who, "Bearer guess-guess-guess")
        await self.refused(who, basic("ada", "guess-guess-guess"), "b")
        await who.by_header(f"Bearer {TOKEN}", "c")
        self.assertTrue(events)
        for secret in (TOKEN, "hush", "guess"):
            self.assertNotIn(secret, repr(events) + repr(vars(who)))

    def test_realm(self) -> None:
        """A realm can't break out of its header."""
        for realm in ('a"b', "a\nb", "a\\"):
            with self.assertRaises(ConfigError):
                AuthenticationConfig({"realm": realm})
