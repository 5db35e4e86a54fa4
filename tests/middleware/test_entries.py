"""Tests of pipeline.middleware.entries; what makes them is tested with its maker, in test_load."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import TestCase

from pipeline.errors import ConfigError
from pipeline.middleware.entries import entries_of
from pipeline.middleware.families import Family

LOGGING = "pipeline.middleware.logging.LoggingMiddleware"

#: A list as of a settings module.
MIDDLEWARE = ["tests.middleware.test_entries.Tasks", "tests.middleware.test_entries.factory"]


class Tasks:
    def run_task(self, task: Any, run: Any, args: Any, kwargs: Any) -> None: ...


def factory(get_response: Any) -> Any:
    return get_response


class Entries(TestCase):
    """The list, understood."""

    def test_forms(self) -> None:
        """A name with a class, with priorities, or a bare dotted name."""
        listed = [
            {"a": LOGGING},
            {"b": {"class": LOGGING, "consume_priority": "-1"}},
            "tests.middleware.test_entries.Tasks",
        ]
        found = [(e.name, e.family, e.consume_priority) for e in entries_of({"middleware": listed})]
        expected = [("a", Family.MESSAGE, 0), ("b", Family.MESSAGE, -1)]
        self.assertEqual([*expected, (listed[2], Family.TASK, 0)], found)

    def test_settings(self) -> None:
        """A dotted name of a list stands for what is in it, in its place."""
        listed = [{"a": LOGGING}, "tests.middleware.test_entries.MIDDLEWARE"]
        families = [entry.family for entry in entries_of({"middleware": listed})]
        self.assertEqual([Family.MESSAGE, Family.TASK, Family.REQUEST], families)

    def test_nothing(self) -> None:
        """No list, and null, are an empty one."""
        self.assertEqual([[], []], [entries_of({}), entries_of({"middleware": None})])

    def test_all_errors(self) -> None:
        """Everything that is wrong is said at once."""
        listed = [7, {"a": LOGGING, "b": LOGGING}, LOGGING, {"c": {"class": 7}}]
        with self.assertRaises(ConfigError) as raised:
            entries_of({"middleware": listed})
        self.assertEqual(4, len(raised.exception.errors))  # type: ignore[attr-defined]
