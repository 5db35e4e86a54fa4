"""The contract finds brokers that write without publishing, or the other way round."""

from __future__ import annotations

from pipeline.brokers.memory.keyspace import Keyspace
from pipeline.brokers.memory.shard import Shard
from pipeline.delivery import Delivery
from tests.testing.contracts.support import ContractCase


class WrittenContractTests(ContractCase):
    """Each names what is broken."""

    def test_forgets(self) -> None:
        """A broker that publishes and forgets to write is found."""
        self.assert_finds("test_written_with_published", Keyspace, "apply", lambda *_: None)

    def test_twins(self) -> None:
        """A broker that writes for a twin is found."""
        self.assert_finds("test_written_once", Shard, "_is_first", lambda *_: True)

    def test_early(self) -> None:
        """What writes when it is staged is found."""
        self.assert_finds(
            "test_written_with_settled",
            Delivery,
            "stage",
            lambda delivery, post: delivery._reader._server.shard(
                delivery._reader._place[0], 0
            ).keys.apply(post.writes),
        )
