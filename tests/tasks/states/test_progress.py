"""Tests of pipeline.tasks.states.progress."""

from __future__ import annotations

from contextvars import copy_context

from twisted.trial.unittest import SynchronousTestCase

from pipeline.tasks.states.progress import LONGEST_NOTE, report_progress, reporter
from pipeline.tasks.states.status import Progress


class Reporting(SynchronousTestCase):
    """A task says how far it has come."""

    def test_outside(self) -> None:
        """Where no task runs, that is an error which says so."""
        self.assertIn("no task", str(self.assertRaises(RuntimeError, report_progress, 1)))

    def test_reports(self) -> None:
        """Who keeps the call's state gets it, with a note of a sensible length."""
        said: list[Progress] = []

        def inside() -> None:
            reporter.set(said.append)
            report_progress(1, 3, "x" * 1000)

        copy_context().run(inside)
        self.assertEqual([Progress(1, 3, "x" * LONGEST_NOTE)], said)
