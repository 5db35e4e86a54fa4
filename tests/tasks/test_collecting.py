"""Tests of pipeline.tasks.collecting."""

from __future__ import annotations

import sys
import types

from twisted.trial.unittest import TestCase

from pipeline.errors import ConfigError
from pipeline.tasks.collecting import collect
from pipeline.tasks.registry import all_known
from tests.tasks import test_registry

HERE = test_registry.__name__


class Collect(TestCase):
    """Dotted paths of tasks and modules."""

    def test_one(self) -> None:
        """A path of a task gives that task."""
        self.assertEqual([test_registry.add], collect(f"{HERE}.add"))

    def test_itself(self) -> None:
        """A task stands for itself; all are known."""
        self.assertEqual([test_registry.add], collect(test_registry.add))
        self.assertIn(test_registry.add, all_known())

    def test_module(self) -> None:
        """A path of a module gives its tasks, each once."""
        self.assertEqual([test_registry.add, test_registry.named], collect(HERE))

    def test_no_task(self) -> None:
        """A plain function is no task, and the error says what to do."""
        error = self.assertRaises(ConfigError, collect, "os.path.join", "a.yaml:1:2")
        self.assertIn("a.yaml:1:2", str(error))
        self.assertIn("@task", str(error))

    def test_empty_module(self) -> None:
        """A module without tasks is an error."""
        sys.modules["tests_empty"] = types.ModuleType("tests_empty")
        self.addCleanup(sys.modules.pop, "tests_empty")
        self.assertIn("no task", str(self.assertRaises(ConfigError, collect, "tests_empty")))

    def test_nothing(self) -> None:
        """A path of nothing is an error."""
        self.assertRaises(ConfigError, collect, f"{HERE}.ad")
