"""Tests of pipeline.verdicts."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from pipeline.verdicts import Drop, IgnoreMessage, Respond, RetryLater, Verdict


class Verdicts(SynchronousTestCase):
    """A verdict carries what is to be done."""

    def test_carries(self) -> None:
        """Each has what it was made with, and Vumi's name is the same class."""
        later, answer = RetryLater(2.5, "busy"), object()
        self.assertEqual((2.5, "busy"), (later.after, later.reason))
        self.assertEqual("spam", Drop("spam").reason)
        self.assertIs(answer, Respond(answer).message)
        self.assertIs(Drop, IgnoreMessage)
        self.assertTrue(all(issubclass(each, Verdict) for each in (Drop, Respond, RetryLater)))
