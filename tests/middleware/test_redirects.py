"""Tests of pipeline.middleware.redirects."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from pipeline.middleware.redirects import in_url, moved
from pipeline.requests import Request


class Redirects(TestCase):
    """Where a browser is sent."""

    def test_in_url(self) -> None:
        """Paths are encoded, queries that are stay so, and no path is another host."""
        expected = {
            ("/a b/ä", ""): "/a%20b/%C3%A4",
            ("/a?b", "c=%20d&e[]=1"): "/a%3Fb?c=%20d&e[]=1",
            ("/", "a=ä b"): "/?a=%C3%A4%20b",
            ("//evil.example", ""): "/%2Fevil.example",
            ("/\\evil.example", ""): "/%5Cevil.example",
        }
        self.assertEqual(expected, {given: in_url(*given) for given in expected})

    def test_method(self) -> None:
        """A method other than GET and HEAD is kept."""
        seen = {m: moved(Request(m, query="a=b"), "", "/c").status for m in ("GET", "HEAD", "POST")}
        self.assertEqual({"GET": 301, "HEAD": 301, "POST": 308}, seen)
        response = moved(Request(query="a=b"), "https://example.com", "/c")
        self.assertEqual("https://example.com/c?a=b", response["Location"])
