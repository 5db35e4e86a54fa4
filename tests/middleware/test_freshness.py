"""Tests of pipeline.middleware.freshness."""

from __future__ import annotations

from hypothesis import strategies as st
from twisted.trial.unittest import TestCase

from pipeline.middleware.freshness import lifetime, tell, varied
from pipeline.middleware.preconditions import http_date
from pipeline.requests import Headers
from tests.properties import given

NOW = 784111777


def life(control: str = "", **others: str) -> float:
    """For how long a response with this Cache-Control may be kept; 600 s if it says nothing."""
    headers = {**({"Cache-Control": control} if control else {}), **others}
    return lifetime(Headers(headers), 600, NOW)


class Lifetime(TestCase):
    """How long."""

    def test_default(self) -> None:
        """A response that says nothing has the default."""
        self.assertEqual([600, 600], [life(), life("public, must-revalidate")])

    def test_said(self) -> None:
        """What is for shared caches goes before what is for all, and that before Expires."""
        self.assertEqual(
            [5, 7, 0],
            [life("max-age=5"), life("max-age=5, S-MaxAge=9, s-maxage=7"), life("max-age=0")],
        )
        until = http_date(NOW + 60)
        self.assertEqual([60, 5], [life(Expires=until), life("max-age=5", Expires=until)])
        self.assertEqual([0, 0], [life(Expires="0"), life(Expires=http_date(NOW - 1))])

    def test_forbidden(self) -> None:
        """What is private, not to be stored or to be asked for each time is not kept."""
        for word in ("private", "No-Store", "no-cache", 'private="a, b"', "x=1,private"):
            self.assertEqual(0, life(f"max-age=60, {word}"), word)

    def test_nonsense(self) -> None:
        """A number that is none keeps nothing; a huge one is bounded."""
        self.assertEqual([0, 0, 0], [life("max-age"), life("max-age=x"), life("max-age=-1")])
        self.assertEqual(315_360_000, life("max-age=99999999999999999999"))

    @given(st.text(st.characters(exclude_categories=["Cc"])))
    def test_anything(self, control: str) -> None:
        """Whatever it says, there is an answer."""
        self.assertGreaterEqual(life(control), 0)


class Telling(TestCase):
    """What the client is told."""

    def test_told(self) -> None:
        """How long it is good, by both headers, beside what stands there."""
        headers = Headers({"Cache-Control": "public"})
        tell(headers, 60, NOW)
        expected = ("public, max-age=60", http_date(NOW + 60))
        self.assertEqual(expected, (headers["Cache-Control"], headers["Expires"]))

    def test_kept(self) -> None:
        """What the view has said stays."""
        headers = Headers({"Cache-Control": "max-age=5", "Expires": "x"})
        tell(headers, 60, NOW)
        self.assertEqual(("max-age=5", "x"), (headers["Cache-Control"], headers["Expires"]))

    def test_varied(self) -> None:
        """Names in Vary are the same in any case and order."""
        self.assertEqual(("a", "cookie"), varied(Headers([("Vary", "Cookie, A"), ("Vary", "a,")])))
        self.assertEqual((), varied(Headers()))
