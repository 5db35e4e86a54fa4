"""Tests of pipeline.tasks.names."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from pipeline.tasks.names import ANNOUNCED_EVERY, FORGOTTEN_AFTER, key_of


class Names(TestCase):
    """Where names of tasks are announced."""

    def test_key(self) -> None:
        """Each connector has a hash of its own."""
        self.assertEqual("tasks:web", key_of("web"))

    def test_times(self) -> None:
        """A name is announced many times before it would be forgotten."""
        self.assertGreater(FORGOTTEN_AFTER, 100 * ANNOUNCED_EVERY)
