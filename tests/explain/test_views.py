"""The values that an explanation is made of."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from pipeline.explain.views import Chain, Worker


class Values(TestCase):
    """Chains are found by direction and kind."""

    def test_chain(self) -> None:
        """One is used if a queue is read or written, or for something else."""
        read, besides = (
            Chain("consume", "event", ("a.event",)),
            Chain("publish", "event", (), "nacks"),
        )
        worker = Worker("w", "a.B", "worker", chains=(read, besides, Chain("publish", "status")))
        self.assertIs(besides, worker.chain("publish", "event"))
        self.assertEqual([True, True, False], [chain.is_used for chain in worker.chains])
