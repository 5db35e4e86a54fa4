"""Tests of pipeline.requests.values."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from pipeline.errors import SuspiciousOperation
from pipeline.requests.values import MOST, Values


class Parsing(TestCase):
    """A query, as it stands behind the question mark."""

    def test_values(self) -> None:
        """Percent-encoded UTF-8 is decoded; a name gives its last value, or all of them."""
        values = Values.parse("a=1&b=%C3%A9+x&a=2&c=")
        self.assertEqual({"a": "2", "b": "é x", "c": ""}, dict(values))
        self.assertEqual(
            (["1", "2"], [], 3), (values.get_all("a"), values.get_all("z"), len(values))
        )

    def test_refused(self) -> None:
        """What is not UTF-8, or has too many fields, is suspicious."""
        for text in ("a=%ff", "&".join(["a=1"] * (MOST + 1))):
            with self.assertRaises(SuspiciousOperation):
                Values.parse(text)

    def test_repr(self) -> None:
        """Its representation has no values: a password is a secret."""
        self.assertNotIn("secret", repr(Values([("password", "secret")])))
