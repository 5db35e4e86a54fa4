"""Rules of a mapping."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipeline.config.base import Config
from pipeline.errors import ConfigError, InvalidMessageField, MissingMessageField
from pipeline.transports.rules import MISSING, ConfigRules, Rule, converted, found


class Mapped(Config):
    """Options with rules."""

    rules = ConfigRules("Rules.")


class Paths(SynchronousTestCase):
    def test_found(self) -> None:
        """A path leads into objects; a name with dots goes first; ``.`` is everything."""
        values = {"a": {"b": 1, "n": None}, "c.d": 2, "c": {"d": 3}}
        self.assertEqual(1, found(values, "a.b"))
        self.assertEqual(2, found(values, "c.d"))
        self.assertIsNone(found(values, "a.n"))
        self.assertIs(values, found(values, "."))

    def test_missing(self) -> None:
        """Where there is nothing, nothing is found, whatever is on the way."""
        for path in ("x", "a.x", "a.b.c"):
            self.assertIs(MISSING, found({"a": {"b": 1}}, path))
        self.assertIs(MISSING, found(b"text", "a"))


class Types(SynchronousTestCase):
    def wrong(self, value: Any, kind: str) -> str:
        return str(self.assertRaises(InvalidMessageField, converted, value, kind))

    def test_text(self) -> None:
        """Text stays, numbers are spelled as in JSON, bytes are UTF-8; objects are refused."""
        for given, text in (("a", "a"), (b"\xc3\xa4", "ä"), (7, "7"), (1.5, "1.5"), (True, "true")):
            self.assertEqual(text, converted(given, "text"))
        self.assertIsNone(converted(None, "text"))
        self.assertIn("type: json", self.wrong({"a": 1}, "text"))
        self.assertIn("not UTF-8", self.wrong(b"\xff", "as_is"))

    def test_json(self) -> None:
        """Anything as the text of its JSON."""
        self.assertEqual('{"a": ["ä", 1]}', converted({"a": ["ä", 1]}, "json"))
        self.assertIn("JSON", self.wrong(float("nan"), "json"))

    def test_number(self) -> None:
        """Numbers, and text that is one; nothing else."""
        for given, number in (("7", 7), (b"-1.5", -1.5), (3, 3)):
            self.assertEqual(number, converted(given, "number"))
        for given in ("x", "1e5", "", None, True, "9" * 50):
            self.assertIn("expected a number", self.wrong(given, "number"))

    def test_time(self) -> None:
        """Seconds since 1970, or ISO 8601."""
        then = datetime(2026, 1, 31, 12, tzinfo=UTC)
        stamp = str(int(then.timestamp()))
        for given in ("2026-01-31T12:00:00Z", stamp, int(stamp), then):
            self.assertEqual(then, converted(given, "time"))
        for given in ("yesterday", 1e30, None, "9" * 20):
            self.assertIn("expected a", self.wrong(given, "time"))


class Values(SynchronousTestCase):
    def test_value(self) -> None:
        """A rule gives what is there, else its default, which may be null; a constant always."""
        self.assertEqual("1", Rule("a").value_in({"a": 1}, "text"))
        self.assertEqual(1, Rule("a", kind="number").value_in({"a": "1"}, "text"))
        self.assertIsNone(Rule("a", default=None).value_in({}, "text"))
        self.assertEqual("x", Rule(default="x").value_in({"a": 1}, "text"))

    def test_missing(self) -> None:
        """Without a default what is named must be there."""
        error = self.assertRaises(MissingMessageField, Rule("a.b").value_in, {"a": 1}, "text")
        self.assertIn("'a.b' is missing", str(error))


class Written(SynchronousTestCase):
    def rules(self, fields: Any) -> Any:
        return Mapped({"fields": fields}).rules

    def test_forms(self) -> None:
        """A path alone, or a rule written out."""
        made = self.rules(
            {"a": "x.y", "b": {"from": "z", "default": None, "type": "json"}, "c": {"value": 3}}
        )
        expected = {"a": Rule("x.y"), "b": Rule("z", None, "json"), "c": Rule(None, 3)}
        self.assertEqual(expected, made)
        self.assertIsNone(Mapped({}).rules)

    def test_wrong(self) -> None:
        """What is no rule is refused, with its name."""
        for given, told in (
            ({"a": 7}, "a: expected a path"),
            ({"a": "x y"}, "a: expected a path"),
            ({"a": {"form": "x"}}, "no 'form' in a rule"),
            ({"a": {"from": "x", "value": 1}}, "either `from` or `value`"),
            ({"a": {"default": 1}}, "either `from` or `value`"),
            ({"a": {"from": "x", "type": "date"}}, "type must be one of"),
            ([1], "expected a mapping"),
        ):
            error = self.assertRaises(ConfigError, self.rules, given)
            self.assertIn(told, str(error))
            self.assertIn("fields", str(error))
