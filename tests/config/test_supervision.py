"""Tests of pipeline.config.supervision; tests of the supervisor's planning try the rest."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from pipeline.config.settings import NamespaceConfig
from pipeline.config.supervision import SupervisorConfig


class Supervision(TestCase):
    """There is no supervisor unless one is asked for."""

    def test_defaults(self) -> None:
        """Nothing is limited but silence."""
        options = NamespaceConfig().supervisor
        self.assertIsInstance(options, SupervisorConfig)
        self.assertEqual((None, None, []), (options.processes, options.max_memory, options.single))
        self.assertEqual((30, 120), (options.hung_after, options.start_timeout))

    def test_units(self) -> None:
        """Sizes and times have units; 0 is never."""
        options = SupervisorConfig({"max_memory": "300M", "hung_after": 0, "start_timeout": "1m"})
        self.assertEqual((300 * 1024**2, 0), (options.max_memory, options.hung_after))
        self.assertEqual(60, options.start_timeout)
