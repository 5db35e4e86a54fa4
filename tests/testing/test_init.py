"""The front of pipeline.testing."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

import pipeline.testing
from tests.test_house import run


class Front(TestCase):
    """Its names."""

    def test_names(self) -> None:
        """Every name can be had, and is listed; no other is there."""
        for name in pipeline.testing.__all__:
            self.assertEqual(name, getattr(pipeline.testing, name).__name__)
            self.assertIn(name, dir(pipeline.testing))
        with self.assertRaises(AttributeError):
            _ = pipeline.testing.NoSuchHelper

    def test_no_reactor(self) -> None:
        """Loading them all installs no reactor."""
        loaded = run(
            "import sys, pipeline.testing as t\n"
            "for name in t.__all__:\n"
            "    if name != 'PipelineTestCase': getattr(t, name)\n"
            "print('twisted.internet.reactor' in sys.modules)\n"
        )
        self.assertEqual("False", loaded)
