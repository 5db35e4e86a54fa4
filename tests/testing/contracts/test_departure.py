"""The contract finds brokers that lose messages with a worker, or rob a living one."""

from __future__ import annotations

from pipeline.brokers.memory import MemoryBroker
from pipeline.brokers.memory.server import MemoryServer
from pipeline.brokers.memory.shard import Shard
from pipeline.brokers.memory.stream import Entry, Stream
from tests.testing.contracts.support import ContractCase

take_suspect = Stream.take_suspect


class DepartureContractTests(ContractCase):
    """Each names what is broken."""

    def test_lost_with_the_dead(self) -> None:
        """A broker that leaves what a dead worker held where it is is found."""
        self.assert_finds("test_dead", Stream, "abandon", lambda *_: None)

    def test_uncounted(self) -> None:
        """A broker that doesn't count deaths is found."""

        def innocent(stream: Stream, holder: str) -> Entry | None:
            entry = take_suspect(stream, holder)
            if entry is not None:
                entry.deaths = 0
            return entry

        self.assert_finds("test_only_the_suspect_counts", Stream, "take_suspect", innocent)

    def test_impatient(self) -> None:
        """A broker that calls workers dead at once is found."""
        self.assert_finds("test_not_dead_yet", MemoryServer, "_dead_at", lambda *_: 0)

    def test_robbed(self) -> None:
        """A broker whose workers are silent though they live is found."""

        def join(server: MemoryServer, broker: MemoryBroker) -> None:
            server._silent[broker.worker_id] = server.now()
            server._living[broker] = server.now()
            server.refresh()

        self.assert_finds("test_long_work", MemoryServer, "join", join)

    def test_thrown_away(self) -> None:
        """A broker that loses what is handed back is found."""
        self.assert_finds("test_hand_back", Shard, "hand_back", lambda *_: None)

    def test_instances_kept(self) -> None:
        """A broker that keeps what nobody will ever read is found."""
        for test in ("test_close_instance", "test_dead_instance"):
            self.assert_finds(test, Shard, "orphan", lambda *_: None)
