"""Tests of pipeline.transports.progress."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from pipeline.transports.progress import Progress


class Value(TestCase):
    """It is a value."""

    def test_none(self) -> None:
        """At first nothing is done, of nothing."""
        self.assertEqual(Progress(0, 0), Progress())
