"""Tests of pipeline.requests.headers."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from pipeline.requests.headers import Headers


class Reading(TestCase):
    """Names in any case, several values of a name."""

    def test_case(self) -> None:
        """A name is found in any case, and listed as it was written."""
        headers = Headers({"Content-Type": "text/plain"})
        self.assertEqual("text/plain", headers["content-TYPE"])
        self.assertIn("CONTENT-type", headers)
        self.assertEqual(["Content-Type"], list(headers))
        self.assertNotIn("Accept", headers)
        self.assertNotIn(7, headers)

    def test_several(self) -> None:
        """Several values are read joined by commas, or each by itself, in order."""
        headers = Headers([("Accept", "a"), ("X", "1"), ("accept", "b")])
        self.assertEqual(
            ("a, b", ["a", "b"], 2), (headers["Accept"], headers.get_all("ACCEPT"), len(headers))
        )
        self.assertEqual([("Accept", "a"), ("X", "1"), ("accept", "b")], headers.pairs)

    def test_set(self) -> None:
        """Setting replaces all values of a name; deleting takes all away."""
        headers = Headers([("Accept", "a"), ("accept", "b")])
        headers["ACCEPT"] = "c"
        self.assertEqual([("ACCEPT", "c")], headers.pairs)
        del headers["accept"]
        self.assertEqual([], headers.pairs)
        with self.assertRaises(KeyError):
            del headers["accept"]

    def test_no_injection(self) -> None:
        """What would begin another header is refused, and changes nothing."""
        headers = Headers({"X": "1"})
        for name, value in (
            ("X", "a\r\nEvil: b"),
            ("X", "a\nb"),
            ("X: y", "z"),
            ("", "z"),
            ("X", "\0"),
        ):
            with self.assertRaises(ValueError):
                headers[name] = value
        self.assertEqual([("X", "1")], headers.pairs)

    def test_repr(self) -> None:
        """Its representation has no values: a cookie is a secret."""
        self.assertNotIn("secret", repr(Headers({"Cookie": "secret"})))
