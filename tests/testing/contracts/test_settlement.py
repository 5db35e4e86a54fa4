"""The contract finds brokers that don't settle whole, or not once."""

from __future__ import annotations

from typing import Any

from pipeline.brokers.memory.shard import Shard
from pipeline.brokers.memory.stream import Stream
from tests.testing.contracts.support import ContractCase

bury = Shard._bury


class SettlementContractTests(ContractCase):
    """Each names what is broken."""

    def test_not_acknowledged(self) -> None:
        """A broker that leaves a settled message on its queue is found."""
        for test in ("test_second_settler", "test_settled_is_gone"):
            self.assert_finds(test, Stream, "acknowledge", lambda *_: None)

    def test_effects_lost(self) -> None:
        """A broker that acknowledges and forgets what was staged is found."""
        self.assert_finds(
            "test_everything_staged",
            Shard,
            "_acknowledge",
            lambda _, stream, delivery: stream.acknowledge(delivery.id),
        )

    def test_dead_letter_bare(self) -> None:
        """A broker that keeps no fields of a dead letter is found."""

        def bare(shard: Shard, queue: str, payload: bytes, _: Any) -> None:
            bury(shard, queue, payload, {})

        self.assert_finds("test_dead_letters", Shard, "_bury", bare)
