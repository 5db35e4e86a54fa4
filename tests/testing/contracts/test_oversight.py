"""The contract finds brokers that hide things from operators, or lose things by them."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import succeed

from pipeline.brokers.memory.consumer import MemoryConsumer
from pipeline.brokers.memory.overseer import MemoryOverseer
from pipeline.brokers.memory.place import MemoryPlace
from pipeline.brokers.memory.shard import Shard
from pipeline.brokers.memory.stream import Stream
from tests.testing.contracts.support import ContractCase


class OversightContractTests(ContractCase):
    """Each names what is broken."""

    def test_blind(self) -> None:
        """A broker that knows no queues, or no workers, is found."""
        for test, name in (("test_known_queues", "queues"), ("test_workers", "workers")):
            self.assert_finds(test, MemoryOverseer, name, lambda _: succeed([]))

    def test_hears_no_pause(self) -> None:
        """A broker whose consumers don't pause is found."""
        for test in ("test_queue_paused", "test_pause_outlives", "test_pause_delayed"):
            self.assert_finds(test, MemoryConsumer, "is_paused", False)

    def test_throws_away_what_is_taken(self) -> None:
        """A broker that purges what somebody has in hand is found."""
        waiting = Stream.waiting

        def all_of_it(stream: Any) -> list[Any]:
            return [*waiting(stream), *stream.held()]

        self.assert_finds("test_purge_waiting", Stream, "waiting", all_of_it)

    def test_throws_nothing_away(self) -> None:
        """A broker that keeps what it says is purged is found."""
        self.assert_finds("test_purge_delayed", Shard, "forget_delayed", lambda *_: None)
        for test in ("test_purge_makes_room", "test_purge_with_effects"):
            self.assert_finds(test, Stream, "withdraw", lambda *_: None)

    def test_takes_what_it_looks_at(self) -> None:
        """A broker that sees delayed messages only is found."""
        self.assert_finds("test_peek", MemoryPlace, "waiting", lambda *_, **__: succeed([]))
