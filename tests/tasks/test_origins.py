"""Tests of pipeline.tasks.origins."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from pipeline.tasks.origins import home, where
from tests.tasks import jobs


class Origins(SynchronousTestCase):
    """Where a function was written."""

    def test_home(self) -> None:
        """Two functions have two homes, one has one."""
        self.assertEqual(home(jobs.add.function), home(jobs.add.function))
        self.assertNotEqual(home(jobs.add.function), home(jobs.wait.function))
        self.assertEqual("builtins", home(len)[0])

    def test_where(self) -> None:
        """The place has the line."""
        self.assertRegex(where(jobs.add.function), r"tests\.tasks\.jobs\.add:\d+$")
        self.assertEqual("builtins.len", where(len))
