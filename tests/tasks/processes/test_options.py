"""Tests of pipeline.tasks.processes.options."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from pipeline.errors import ConfigError
from pipeline.tasks.processes.options import dotted_names
from tests.tasks.processes.middlewares import Counts, made_here


class Names(SynchronousTestCase):
    """Middleware is found in another process by its name."""

    def test_found(self) -> None:
        """A class or function of a module has its dotted path."""
        module = "tests.tasks.processes.middlewares"
        self.assertEqual(
            [f"{module}.Counts", f"{module}.made_here"], dotted_names([Counts, made_here])
        )

    def test_not_found(self) -> None:
        """What has no path of its own is refused, with advice."""

        class Local:
            pass

        for factory in (Local, lambda: None, Counts()):
            with self.assertRaisesRegex(ConfigError, "top of a module"):
                dotted_names([factory])
