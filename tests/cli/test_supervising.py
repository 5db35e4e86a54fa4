"""Tests of pipeline.cli.supervising; what it runs is tried in the supervisor's own tests."""

from __future__ import annotations

import os

from twisted.trial.unittest import TestCase

from pipeline.cli import supervising
from pipeline.supervisor.bond import VARIABLE
from tests.service.support import command, written

SYSTEM = """
redis: redis://localhost
workers:
  one: {class: tests.service.support.Plain, transport_name: a}
"""


class Supervising(TestCase):
    """A supervisor runs if one is asked for."""

    timeout = 120

    def test_wanted(self) -> None:
        """By the command line, or by the file; what is wrong is for others to say."""
        file = written(self, SYSTEM)
        self.assertFalse(supervising.is_wanted(file, []))
        self.assertFalse(supervising.is_wanted(file, ["supervisor.max_memory:300M"]))
        self.assertTrue(supervising.is_wanted(file, supervising.options(2, None)))
        named = written(self, SYSTEM + "supervisor: {processes: 1}\n")
        self.assertTrue(supervising.is_wanted(named, []))
        self.assertFalse(supervising.is_wanted("not-there.yaml", []))

    def test_options(self) -> None:
        """What the command line says is said over the file."""
        self.assertEqual([], supervising.options(None, None))
        expected = ["supervisor.processes:2", "supervisor.max_memory:300M"]
        self.assertEqual(expected, supervising.options(2, "300M"))

    def test_supervised(self) -> None:
        """A process of a supervisor is known by a variable."""
        self.assertFalse(supervising.is_supervised())
        self.patch(os, "environ", {**os.environ, VARIABLE: "{}"})
        self.assertTrue(supervising.is_supervised())

    def test_misused(self) -> None:
        """What can't be done together is refused, and so is a limit that is none."""
        file = written(self, SYSTEM)
        status, _, err = command(self, "run", file, "--burst", "--processes", "2").end()
        self.assertEqual((2, "pipeline: --burst is for one process"), (status, err[:36]))
        status, _, err = command(self, "run", file, "--max-memory", "300M").end()
        self.assertEqual((2, True), (status, "say --processes, too" in err))
        status, _, err = command(
            self, "run", file, "--processes", "0", "--max-memory", "lots"
        ).end()
        self.assertEqual(1, status)
        self.assertIn("max_memory: expected a size, as 512, 64kB, 1MB or 2GB", err)
        self.assertIn("processes: must be 1-1000, got 0", err)
