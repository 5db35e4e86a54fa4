"""Where in a trace something is, for another process."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from pipeline.observe.carrying import Carried, carried, carry


class Carrying(SynchronousTestCase):
    def test_carried(self) -> None:
        """Nothing is carried unless somebody says how."""
        self.addCleanup(carry, None)
        self.assertIsNone(carried())
        carry(lambda: Carried("shop", b"{}"))
        self.assertEqual(("shop", b"{}"), carried())
        carry(None)
        self.assertIsNone(carried())
