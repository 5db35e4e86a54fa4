"""The contract finds brokers whose store doesn't keep what was committed."""

from __future__ import annotations

from typing import Any

from pipeline.brokers.memory.keyspace import Keyspace
from tests.testing.contracts.support import ContractCase


class StateContractTests(ContractCase):
    """Each names what is broken."""

    def test_each_write(self) -> None:
        """A broker that doesn't carry out one of the writes is found, whichever it is."""
        broken = {
            "test_values": ("set", "delete"),
            "test_counters": ("incr",),
            "test_hashes": ("hset", "hincr", "hdel", "hclear"),
            "test_sets": ("sadd", "srem"),
            "test_sorted_sets": ("zadd", "zrem"),
            "test_expire": ("expire",),
        }
        for test, writes in broken.items():
            for write in writes:
                self.assert_finds(test, Keyspace, f"_do_{write}", lambda *_: None)

    def test_immortal(self) -> None:
        """A broker that knows no time to live is found."""
        self.assert_finds("test_time_to_live", Keyspace, "_expire_in", lambda *_: None)

    def test_one_type(self) -> None:
        """A broker that keeps all types under one key is found."""

        def name(_: Keyspace, write: tuple[Any, ...]) -> tuple[str, str]:
            return "v", write[1]

        self.assert_finds("test_types_apart", Keyspace, "_name", name)

    def test_unchecked_commit(self) -> None:
        """A broker that commits over what others have written is found."""
        self.assert_finds("test_commit_conflict", Keyspace, "holds", lambda *_: True)
