"""A Config converts once, is read-only, documents itself and tells everything at once."""

from __future__ import annotations

import copy
from typing import Any

from twisted.trial.unittest import TestCase

from pipeline.config.base import BaseConfig, Config, ConfigSection
from pipeline.config.fields import ConfigDict, ConfigField, ConfigText
from pipeline.config.numbers import ConfigInt
from pipeline.config.positions import Place, Section
from pipeline.config.problems import ConfigErrors
from pipeline.config.quantities import ConfigDuration
from pipeline.errors import ConfigError

SPAN = "a span of time, as 250ms, 5s, 2m, 1h or 7d (or a number of seconds)"


class GreeterConfig(Config):
    """How to greet."""

    greeting = ConfigText("What to say.", required=True, static=True)
    times = ConfigInt("How often.", default=1, static=True)
    pause = ConfigDuration("Between two greetings.\n\nMore about it.", default="5s")
    names = ConfigDict("Who is who.", default={"a": ["b"]})


class PoliteConfig(GreeterConfig):
    times = ConfigInt("How often, politely.", default=2)
    bow = ConfigText("How deep.")


class RangeConfig(Config):
    low = ConfigInt("The least.", default=0)
    high = ConfigInt("The most.", default=9)

    def post_validate(self) -> None:
        if self.low > self.high:
            self.raise_config_error("low must not be above high", "low")
        if self.low < 0:
            self.raise_config_error("below zero")


class OuterConfig(Config):
    range = ConfigSection("Inner options.", RangeConfig)
    needed = ConfigSection("Needed ones.", RangeConfig, required=True)


class Reading(TestCase):
    """Values and their absence."""

    def test_values(self) -> None:
        """Given values are converted, absent ones take their default, others are None."""
        config = PoliteConfig({"greeting": "hi", "times": "3"})
        got = (config.greeting, config.times, config.pause, config.bow)
        self.assertEqual(("hi", 3, 5.0, None), got)

    def test_converted_once(self) -> None:
        """Reading an option converts nothing: it is an attribute of the instance."""
        calls: list[Any] = []

        class Counting(ConfigField[Any]):
            def clean(self, value: Any) -> Any:
                calls.append(value)
                return value

        class CountingConfig(Config):
            option = Counting("Counted.")

        config = CountingConfig({"option": 1})
        self.assertEqual([1, 1], [config.option, config.option])
        self.assertEqual([1], calls)

    def test_nothing(self) -> None:
        """No data and null are empty; anything but a mapping is refused."""
        self.assertEqual(0, RangeConfig().low)
        self.assertEqual(0, RangeConfig(None).low)
        wrong: Any = ["x"]
        error = self.assertRaises(ConfigError, RangeConfig, wrong)
        self.assertEqual("expected a mapping of options, got a list", str(error))

    def test_read_only(self) -> None:
        """An instance can't be changed, and a mutable default is nobody else's."""
        config = GreeterConfig({"greeting": "hi"})
        with self.assertRaises(AttributeError):
            config.greeting = "bye"  # type: ignore[assignment]
        with self.assertRaises(AttributeError):
            del config.greeting
        config.names["a"].append("c")
        self.assertEqual({"a": ["b"]}, GreeterConfig({"greeting": "hi"}).names)

    def test_static(self) -> None:
        """A static config has the static options; reading another is a ConfigError."""
        config = GreeterConfig({"greeting": "hi", "pause": "wrong"}, static=True)
        self.assertEqual(("hi", 1, True), (config.greeting, config.times, config.static))
        error = self.assertRaises(ConfigError, lambda: config.pause)
        text = "pause: not a static option, so not readable on a static config"
        self.assertEqual(text, str(error))

    def test_copy(self) -> None:
        """A config can be copied, read-only as it is."""
        other = copy.deepcopy(RangeConfig({"low": 3}))
        self.assertEqual((3, 9), (other.low, other.high))

    def test_with_options(self) -> None:
        """The same again with some options otherwise, checked as ever; the first is as it was."""
        config = RangeConfig({"low": 3})
        other = config.with_options({"high": "5"})
        self.assertEqual((RangeConfig, 3, 5, 9), (type(other), other.low, other.high, config.high))
        self.assertRaises(ConfigError, config.with_options, {"high": 1})

    def test_alias(self) -> None:
        """BaseConfig is Config, so that a subclass may itself be called Config."""
        self.assertIs(Config, BaseConfig)


class Errors(TestCase):
    """Everything wrong is told at once, with its position."""

    def test_all(self) -> None:
        """All errors of one construction are raised together."""
        error = self.assertRaises(ConfigErrors, GreeterConfig, {"times": 1.5, "pause": []})
        expected = [
            "greeting: required, but missing",
            "times: expected a whole number, got 1.5",
            f"pause: expected {SPAN}, got a list",
        ]
        self.assertEqual("\n".join(expected), str(error))

    def test_one(self) -> None:
        """A single error is a plain ConfigError."""
        error = self.assertRaises(ConfigError, GreeterConfig, {})
        self.assertNotIsInstance(error, ConfigErrors)

    def test_post_validate(self) -> None:
        """post_validate sees right options only, and its error knows their position."""
        section = Section({"low": 5, "high": 1}, {"low": Place("f:1:1", "f:1:6")}, "f:1:1")
        error = self.assertRaises(ConfigError, RangeConfig, section)
        self.assertEqual("f:1:6: low must not be above high", str(error))
        error = self.assertRaises(ConfigError, RangeConfig, {"low": -1})
        self.assertEqual("below zero", str(error))
        error = self.assertRaises(ConfigError, RangeConfig, {"low": 99, "high": "x"})
        self.assertEqual("high: expected a whole number, got 'x'", str(error))

    def test_unknown_keys(self) -> None:
        """Unknown keys are reported, not raised, each with position and nearest name."""
        section = Section({"lwo": 1, "log": {}, "high": 2}, {"lwo": Place("f:2:1", "f:2:6")})
        unknown = RangeConfig.unknown_keys(section, besides=["log"])
        self.assertEqual(
            ["f:2:1: there is no option 'lwo' (did you mean 'low'?)"], list(map(str, unknown))
        )
        self.assertEqual((), RangeConfig.unknown_keys(None))

    def test_section(self) -> None:
        """Options within an option are a Config, and unknown keys in it are refused."""
        config = OuterConfig({"range": {"low": 2}, "needed": {}})
        self.assertEqual((2, 9, 0), (config.range.low, config.range.high, config.needed.low))
        error = self.assertRaises(ConfigErrors, OuterConfig, {"range": {"lwo": 2, "low": "x"}})
        expected = [
            "range: there is no option 'lwo' (did you mean 'low'?)",
            "range: low: expected a whole number, got 'x'",
            "needed: required, but missing",
        ]
        self.assertEqual(expected, [str(each) for each in error.errors])
        error = self.assertRaises(ConfigError, OuterConfig, {"range": 5, "needed": {}})
        self.assertEqual("range: expected a mapping, got 5", str(error))


class Introspection(TestCase):
    """What a class says of its options."""

    def test_fields(self) -> None:
        """Inherited options come first; one that is declared again is the new one."""
        names = [field.name for field in PoliteConfig.fields()]
        self.assertEqual(["greeting", "times", "pause", "names", "bow"], names)
        self.assertEqual(2, PoliteConfig.fields()[1].default)
        self.assertEqual("whole number", GreeterConfig.times.kind)

    def test_removed(self) -> None:
        """A subclass takes an option away by setting its name to something else."""

        class Shorter(PoliteConfig):
            bow = None  # type: ignore[assignment]

        self.assertNotIn("bow", [field.name for field in Shorter.fields()])

    def test_docs(self) -> None:
        """The docstring goes on with the options: kind, required or default, static, doc."""
        expected = """How to greet.

Options:

``greeting`` (text, required, static)
    What to say.
``times`` (whole number, default 1, static)
    How often.
``pause`` (duration, default 5s)
    Between two greetings.

    More about it.
``names`` (mapping, default {'a': ['b']})
    Who is who."""
        self.assertEqual(expected, GreeterConfig.__doc__)
        assert PoliteConfig.__doc__ is not None
        self.assertTrue(PoliteConfig.__doc__.startswith("Options of PoliteConfig."))

    def test_no_options(self) -> None:
        """A class without options keeps its docstring as it is."""

        class Empty(Config):
            """Nothing here."""

        self.assertEqual("Nothing here.", Empty.__doc__)

    def test_reserved(self) -> None:
        """An option can't have the name of something that every config has."""

        def declare(name: str) -> None:
            type("Bad", (Config,), {name: ConfigText("x")})

        for name in ("fields", "static", "_data", "post_validate"):
            self.assertRaises(TypeError, declare, name)
