from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipeline.config.base import Config
from pipeline.config.problems import flattened
from pipeline.config.source import parse_document
from pipeline.dispatchers.fields import (
    ConfigNames,
    ConfigPatterns,
    ConfigRouteLists,
    ConfigRoutes,
    ConfigTable,
)
from pipeline.errors import ConfigError


class Options(Config):
    """One of each."""

    names = ConfigNames("Names.")
    routes = ConfigRoutes("Routes.")
    lists = ConfigRouteLists("Lists.")
    patterns = ConfigPatterns("Patterns.")
    table = ConfigTable("A table.")


class Fields(SynchronousTestCase):
    """What is right is taken, and what is wrong said where it stands."""

    def right(self, text: str) -> Any:
        return Options(parse_document(text, "f").data)

    def wrong(self, text: str) -> list[str]:
        error = self.assertRaises(ConfigError, self.right, text)
        return [str(each) for each in flattened(error)]

    def test_right(self) -> None:
        """Each becomes what routers want."""
        made = self.right(
            "names: [a, b]\nroutes: {a: b}\nlists: {a: b, c: [d, e], f: []}\n"
            "patterns: {a: x+}\ntable: {a: {b: [c, d]}, e: {}}\n"
        )
        self.assertEqual(["a", "b"], made.names)
        self.assertEqual({"a": "b"}, made.routes)
        self.assertEqual({"a": ["b"], "c": ["d", "e"], "f": []}, made.lists)
        self.assertTrue(made.patterns["a"].fullmatch("xx"))
        self.assertEqual({"a": {"b": ("c", "d")}, "e": {}}, made.table)

    def test_names(self) -> None:
        """Not a list, no text, empty, twice."""
        self.assertEqual(
            ["f:1:8: names: expected a list of names, got 'a' (as [one, two])"],
            self.wrong("names: a"),
        )
        self.assertEqual(
            [
                "f:1:9: names: expected text, got 3 (put it in quotes)",
                "f:1:12: names: expected a name, got an empty text",
            ],
            self.wrong("names: [3, '']"),
        )
        self.assertEqual(["f:1:12: names: 'a' is here twice"], self.wrong("names: [a, a]"))

    def test_mappings(self) -> None:
        """Not a mapping, or a value of another kind; all of them are said."""
        for option in ("routes", "lists", "patterns", "table"):
            (error,) = self.wrong(f"{option}: [a]")
            self.assertEqual(f"f:1:1: {option}: expected a mapping, got a list", error)
        self.assertEqual(
            [
                "f:1:13: routes: expected text, got 1 (put it in quotes)",
                "f:1:16: routes: expected text, got a mapping",
            ],
            self.wrong("routes: {a: 1, b: {}}"),
        )
        self.assertEqual(
            ["f:1:16: lists: expected text, got 1 (put it in quotes)"],
            self.wrong("lists: {a: [b, 1]}"),
        )
        self.assertEqual(
            [
                (
                    "f:1:15: patterns: not a regular expression: missing ), unterminated"
                    " subpattern at position 0"
                )
            ],
            self.wrong("patterns: {a: (b}"),
        )
        self.assertEqual(
            ["f:1:9: table: expected a mapping, got a list"], self.wrong("table: {a: [b]}")
        )
        self.assertEqual(
            ["f:1:13: table: expected [connector, endpoint], got 3 names"],
            self.wrong("table: {a: {b: [c, d, e]}}"),
        )

    def test_plain(self) -> None:
        """Options that come from no file are taken as well."""
        self.assertEqual({"a": ("b")}, Options({"routes": {"a": "b"}}).routes)
