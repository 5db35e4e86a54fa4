"""Plain kinds of option convert what they should and refuse the rest."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from twisted.trial.unittest import TestCase

from pipeline.config.base import Config
from pipeline.config.fields import (
    ConfigBool,
    ConfigChoice,
    ConfigDict,
    ConfigField,
    ConfigList,
    ConfigText,
)
from pipeline.config.positions import Place, Section
from pipeline.errors import ConfigError
from tests.properties import given


class FieldCase(TestCase):
    """Short ways to try a field's clean()."""

    def refuses(self, field: ConfigField[Any], value: Any) -> str:
        """Assert that a value is refused, and give the error's text."""
        return str(self.assertRaises(ConfigError, field.clean, value))


class Text(FieldCase):
    """ConfigText."""

    @given(st.text())
    def test_any_text(self, text: str) -> None:
        """Every text passes unchanged."""
        self.assertEqual(text, ConfigText("").clean(text))

    def test_refused(self) -> None:
        """A number is refused with the advice to quote it; a list without."""
        field = ConfigText("")
        self.assertEqual("expected text, got 7 (put it in quotes)", self.refuses(field, 7))
        self.assertEqual("expected text, got a list", self.refuses(field, []))


class Bool(FieldCase):
    """ConfigBool."""

    def test_spellings(self) -> None:
        """The usual spellings count, in any case; Vumi's three are false."""
        clean = ConfigBool("").clean
        for value in (True, 1, "1", "true", "True", "YES", "on", " true "):
            self.assertIs(True, clean(value), value)
        for value in (False, 0, "0", "", "false", "FALSE", "no", "off"):
            self.assertIs(False, clean(value), value)

    def test_refused(self) -> None:
        """What is neither is refused instead of taken for true."""
        for value in (2, "maybe", 1.0, [], {}):
            self.assertIn("expected true or false", self.refuses(ConfigBool(""), value))


class Containers(FieldCase):
    """ConfigList and ConfigDict."""

    def test_copies(self) -> None:
        """The value shares nothing with what was given."""
        inner = {"a": [1]}
        got = ConfigList("").clean([inner])
        got[0]["a"].append(2)
        self.assertEqual({"a": [1]}, inner)
        self.assertEqual([1, 2], ConfigList("").clean((1, 2)))
        mapping = ConfigDict("").clean(inner)
        mapping["a"].append(2)
        self.assertEqual({"a": [1]}, inner)

    def test_refused(self) -> None:
        """Text is no list, and a list no mapping."""
        text = "expected a list, got 'a,b' (as [one, two])"
        self.assertEqual(text, self.refuses(ConfigList(""), "a,b"))
        self.assertEqual("expected a mapping, got a list", self.refuses(ConfigDict(""), []))


class Choice(FieldCase):
    """ConfigChoice."""

    def test_choice(self) -> None:
        """Only the values pass; a near miss is answered with the right one."""
        field = ConfigChoice("", values=["json", "msgpack"])
        self.assertEqual("json", field.clean("json"))
        self.assertEqual("json | msgpack", field.kind)
        text = "expected one of json, msgpack, got 'msgpak' (did you mean 'msgpack'?)"
        self.assertEqual(text, self.refuses(field, "msgpak"))
        self.assertEqual("expected one of json, msgpack, got 5", self.refuses(field, 5))
        self.assertEqual("expected one of json, msgpack, got 'x'", self.refuses(field, "x"))


class Values(TestCase):
    """What every field does, whatever its kind."""

    def test_null_is_absent(self) -> None:
        """A null gives the default, and is not enough for a required option."""
        field = ConfigText("", default="d")
        field.name = "f"
        self.assertEqual("d", field.value_in({"f": None}))
        field.required = True
        error = self.assertRaises(ConfigError, field.value_in, {"f": None})
        self.assertEqual("f: required, but missing", str(error))

    def test_default_is_converted_and_copied(self) -> None:
        """A default passes clean(), and a mutable one is not shared."""
        field = ConfigList("", default=[1])
        field.name = "f"
        got = field.value_in({})
        assert got is not None
        got.append(2)
        self.assertEqual([1], field.value_in({}))

    def test_position(self) -> None:
        """An error says where the value is, and keeps its hint."""
        section = Section({"f": 7}, {"f": Place("a.yaml:1:1", "a.yaml:1:4")}, "a.yaml:1:1")
        field = ConfigText("")
        field.name = "f"
        error = self.assertRaises(ConfigError, field.value_in, section)
        self.assertEqual("a.yaml:1:4: f: expected text, got 7 (put it in quotes)", str(error))

    def test_own_kind(self) -> None:
        """A field of one's own overrides clean(), as in Vumi."""

        class Shout(ConfigField[str]):
            def clean(self, value: Any) -> str:
                return str(value).upper()

        class ShoutConfig(Config):
            word = Shout("A word.")
            anything = ConfigField[Any]("Anything.")

        config = ShoutConfig({"word": "hi", "anything": (1, 2)})
        self.assertEqual("HI", config.word)
        self.assertEqual((1, 2), config.anything)
