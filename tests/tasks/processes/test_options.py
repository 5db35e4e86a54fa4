"""Tests of pipeline.tasks.processes.options."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from pipeline.config.problems import ConfigErrors
from pipeline.errors import ConfigError
from pipeline.tasks.processes.options import ProcessesConfig, ProcessPoolOptions
from pipeline.tasks.processes.wire import Factory


class TasksConfig(ProcessesConfig):
    """As a worker has it."""

    tasks = ("shop",)


class Options(SynchronousTestCase):
    """Options of a worker become those of its pool."""

    def test_defaults(self) -> None:
        """A child for each core, never replaced but when it dies."""
        found = ProcessPoolOptions.of(TasksConfig({}, static=True), [], "w")
        self.assertEqual(ProcessPoolOptions(["shop"], worker="w"), found)

    def test_given(self) -> None:
        """All may be said; memory with its unit."""
        given = {
            "processes": 3,
            "recycle_calls": 100,
            "recycle_memory": "1GB",
            "preload": "shop.load",
        }
        middleware = [Factory("shop.M")]
        found = ProcessPoolOptions.of(TasksConfig(given, static=True), middleware, "w")
        self.assertEqual(
            ProcessPoolOptions(["shop"], middleware, "w", 3, 100, 2**30, "shop.load"), found
        )

    def test_wrong(self) -> None:
        """What makes no sense is refused, all at once."""
        given = {"processes": 0, "recycle_calls": -1, "recycle_memory": "much"}
        with self.assertRaises(ConfigErrors) as raised:
            TasksConfig(given, static=True)
        self.assertEqual(3, len(raised.exception.errors))
        self.assertIsInstance(raised.exception, ConfigError)
