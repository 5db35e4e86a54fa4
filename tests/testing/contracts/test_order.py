"""The contract finds brokers that mix up what is in order."""

from __future__ import annotations

from typing import Any

from pipeline.brokers.memory.ordered import MemoryOrderedConsumer
from pipeline.brokers.memory.server import MemoryServer
from pipeline.brokers.memory.shard import Shard
from pipeline.brokers.memory.stream import Stream
from pipeline.delivery import Settled
from tests.testing.contracts.support import ContractCase

grant = Stream.grant


class OrderContractTests(ContractCase):
    """Each names what is broken."""

    def test_two_readers(self) -> None:
        """A broker that lets two read is found."""

        def generous(stream: Stream, owner: str) -> Any:
            stream._owner = ""
            return grant(stream, owner)

        self.assert_finds("test_one_reader", Stream, "grant", generous)

    def test_kept_lease(self) -> None:
        """A broker that keeps the lease of who has left, or died, is found."""
        self.assert_finds("test_order_handed_over", Stream, "give_up", lambda *_: None)

    def test_no_fence(self) -> None:
        """A broker that lets late settlers settle is found."""
        self.assert_finds("test_order_late_settler", Stream, "is_current", lambda *_: True)

    def test_forgotten_attempts(self) -> None:
        """A broker that forgets what was postponed is found."""
        for test in ("test_postponed_and_dead", "test_order_postponed"):
            self.assert_finds(test, Shard, "postpone", lambda *_: Settled.WON)

    def test_all_at_once(self) -> None:
        """A broker that gives out all that a dead reader had at once is found."""

        def bold(consumer: MemoryOrderedConsumer) -> Any:
            entry, _ = consumer._pending.popleft()
            entry.deaths += 1
            return [consumer._delivery(entry, consumer._lease)]

        self.assert_finds("test_order_after_death", MemoryOrderedConsumer, "_next_suspect", bold)

    def test_any_partitions(self) -> None:
        """A broker that lets the number of partitions change is found."""
        self.assert_finds("test_order_and_partitions", MemoryServer, "spread", lambda *_: None)
