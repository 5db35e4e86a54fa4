"""Tests of pipeline.identity.denied."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from pipeline.identity.denied import Busy, Denied, TooManyFailures, Unknown


class Reasons(TestCase):
    """Each says why, for the client."""

    def test_reasons(self) -> None:
        """One class for who doesn't care which, and a time to come again."""
        refused = TooManyFailures(7)
        self.assertEqual((7, "too many failed attempts: come again in 7 s"), _said(refused))
        self.assertTrue(issubclass(Busy, Denied) and issubclass(Unknown, Denied))
        self.assertEqual("who?", Unknown("who?").reason)


def _said(refused: TooManyFailures) -> tuple[int, str]:
    return refused.retry_after, refused.reason
