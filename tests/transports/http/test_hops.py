"""Tests of pipeline.transports.http.hops."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from pipeline.transports.http.hops import end_to_end


class Hops(TestCase):
    """What is for the next hop goes no further."""

    def test_dropped(self) -> None:
        """Headers of the connection, in any case, and those that Connection names, are dropped."""
        given = [
            ("Host", "a"),
            ("connection", "close, X-One"),
            ("Connection", "x-two"),
            ("KEEP-ALIVE", "5"),
            ("Transfer-Encoding", "chunked"),
            ("Proxy-Authorization", "secret"),
            ("x-one", "1"),
            ("X-Two", "2"),
            ("X-Three", "3"),
        ]
        self.assertEqual([("Host", "a"), ("X-Three", "3")], end_to_end(given))

    def test_kept(self) -> None:
        """Others keep their order, also if there are several of a name."""
        given = [("Set-Cookie", "a=1"), ("ETag", "x"), ("Set-Cookie", "b=2")]
        self.assertEqual(given, end_to_end(given))
