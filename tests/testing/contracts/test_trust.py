"""The contract finds brokers that settle what they must not."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pipeline.brokers.memory.keyspace import Keyspace
from pipeline.brokers.memory.stream import Stream
from tests.testing.contracts.support import ContractCase


class TrustContractTests(ContractCase):
    """Each names what is broken."""

    def test_unchecked(self) -> None:
        """A broker that doesn't compare what was read is found."""
        self.assert_finds("test_conflict", Keyspace, "holds", lambda *_: True)

    def test_always_in_conflict(self) -> None:
        """A broker that sees a conflict where none is is found."""

        def never(_: Keyspace, checks: Iterable[Any]) -> bool:
            return not list(checks)

        self.assert_finds("test_no_conflict", Keyspace, "holds", never)

    def test_half_written(self) -> None:
        """A broker that leaves the writes before a failed one in place is found."""
        self.assert_finds("test_refused", Keyspace, "_before", lambda *_: {})

    def test_no_fence(self) -> None:
        """A broker whose deliveries survive the loss of their queue is found."""

        def tokenless(stream: Stream, now: Any) -> None:
            init(stream, now)
            stream.token = b"same"

        init = Stream.__init__
        self.assert_finds("test_fenced", Stream, "__init__", tokenless)
