"""Errors are gathered, flattened and given hints."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from pipeline.config.problems import ConfigErrors, Problems, described, suggestion
from pipeline.errors import ConfigError


class Gathering(TestCase):
    """Problems raises what it met, in the shape that fits its number."""

    def test_none(self) -> None:
        """Without a problem nothing is raised."""
        problems = Problems()
        with problems.collecting():
            pass
        problems.raise_any()

    def test_one_stays_plain(self) -> None:
        """A single error is raised as it is."""
        problems = Problems()
        error = ConfigError("bad", at="a.yaml:1:2")
        with problems.collecting():
            raise error
        self.assertIs(error, self.assertRaises(ConfigError, problems.raise_any))

    def test_several_come_together(self) -> None:
        """Several errors are one ConfigErrors that has them all, and shows one to a line."""
        problems = Problems()
        problems.add(ConfigError("one", at="a.yaml:1:2"))
        problems.add(ConfigError("two", hint="try three"))
        raised = self.assertRaises(ConfigErrors, problems.raise_any)
        self.assertEqual("a.yaml:1:2: one\ntwo (try three)", str(raised))

    def test_taken_apart(self) -> None:
        """Errors within errors become one flat list."""
        inner = ConfigErrors([ConfigError("one"), ConfigError("two")])
        outer = ConfigErrors([inner, ConfigError("three")])
        self.assertEqual(["one", "two", "three"], [each.what for each in outer.errors])

    def test_other_errors_pass(self) -> None:
        """What is no ConfigError is not collected."""

        def go() -> None:
            with Problems().collecting():
                raise KeyError("x")

        self.assertRaises(KeyError, go)


class Hints(TestCase):
    """What an error suggests, and how it shows a value."""

    def test_nearest(self) -> None:
        """A misspelt name is answered with the nearest known one, whatever its case."""
        self.assertEqual("did you mean 'listen'?", suggestion("LISTNE", ["listen", "port"]))

    def test_few_are_listed(self) -> None:
        """When nothing is near, few known names are listed and many are not."""
        self.assertEqual("known: a, b", suggestion("zzz", ["b", "a"]))
        self.assertIsNone(suggestion("zzz", [f"name{n}" for n in range(11)]))
        self.assertIsNone(suggestion("zzz", []))

    def test_described(self) -> None:
        """Values are shown as YAML spells them, containers by their kind, and never at length."""
        shown = [described(each) for each in (None, True, False, {}, [], (), "x", 1.5)]
        expected = ["nothing", "true", "false", "a mapping", "a list", "a list", "'x'", "1.5"]
        self.assertEqual(expected, shown)
        self.assertEqual(60, len(described("x" * 1000)))
