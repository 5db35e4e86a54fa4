"""The contract finds brokers that are early, late, or can't tell twins."""

from __future__ import annotations

from pipeline.brokers.memory.keyspace import Keyspace
from pipeline.brokers.memory.server import MemoryServer
from pipeline.brokers.memory.shard import Shard, _headers
from pipeline.delivery import Post
from tests.testing.contracts.support import ContractCase


class ScheduleContractTests(ContractCase):
    """Each names what is broken."""

    def test_early(self) -> None:
        """A broker that knows no delay is found."""

        def at_once(shard: Shard, post: Post) -> None:
            shard._add(post.queue, post.payload, _headers(post))

        self.assert_finds("test_not_before", Shard, "_delay", at_once)

    def test_never(self) -> None:
        """A broker that sets no alarm for what is delayed is found."""
        self.assert_finds("test_wakes_who_waits", MemoryServer, "set_alarm", lambda _: None)

    def test_no_window(self) -> None:
        """A broker that lets twins pass is found."""
        self.assert_finds("test_window", Keyspace, "mark", lambda *_: True)

    def test_endless_window(self) -> None:
        """A broker that never forgets a mark is found."""
        self.assert_finds("test_window", Keyspace, "_expire_in", lambda *_: None)
