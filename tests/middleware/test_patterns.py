"""Tests of pipeline.middleware.patterns."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import TestCase

from pipeline.config.problems import ConfigErrors
from pipeline.errors import ConfigError
from pipeline.middleware.patterns import ConfigPatterns, Patterns


def cleaned(value: Any) -> Patterns:
    return ConfigPatterns("").clean(value)


class PatternsOption(TestCase):
    """Several regular expressions."""

    def test_whole(self) -> None:
        """One that fits the whole text is enough."""
        patterns = cleaned(["/a", "/b.*"])
        fits = [patterns.whole(text) for text in ("/a", "/a/", "/bcd", "x/a")]
        self.assertEqual([True, False, True, False], fits)

    def test_within(self) -> None:
        """One that is found somewhere is enough."""
        self.assertEqual([True, False], [cleaned("bot").within(text) for text in ("a bot!", "Bo")])

    def test_none(self) -> None:
        """An empty list fits nothing."""
        self.assertFalse(cleaned([]).within("x") or cleaned([]).whole(""))

    def test_wrong(self) -> None:
        """All that are none are told."""
        with self.assertRaises(ConfigErrors) as raised:
            cleaned(["(", "a", 7])
        self.assertEqual(2, len(raised.exception.errors))
        with self.assertRaisesRegex(ConfigError, "a list of regular expressions"):
            cleaned({"a": 1})
