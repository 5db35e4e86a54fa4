"""The contract finds brokers that break what publishing and taking promise."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, succeed

from pipeline.brokers.memory import MemoryConsumer
from pipeline.brokers.memory.shard import Shard
from pipeline.brokers.memory.stream import Stream
from tests.testing.contracts.support import ContractCase

add, fetch = Stream.add, MemoryConsumer._fetch


class QueueContractTests(ContractCase):
    """Each names what is broken."""

    def test_twice(self) -> None:
        """A broker that stores a message twice is found."""

        def twice(stream: Stream, payload: bytes, headers: Any) -> None:
            add(stream, payload, headers)
            add(stream, payload, headers)

        self.assert_finds("test_shared", Stream, "add", twice)

    def test_headers(self) -> None:
        """A broker that forgets the headers is found."""
        self.assert_finds("test_headers", Stream, "add", lambda s, payload, _: add(s, payload, {}))

    def test_greedy(self) -> None:
        """A consumer that takes more than it was asked for is found."""
        self.assert_finds("test_prefetch", MemoryConsumer, "_fetch", lambda c, _: fetch(c, 100))

    def test_boundless(self) -> None:
        """A broker that knows no ``max_depth`` is found."""
        self.assert_finds("test_max_depth", Shard, "_refuse_over", lambda *_: None)

    def test_asleep(self) -> None:
        """A consumer that isn't woken by what comes is found."""
        self.assert_finds("test_take_waits", MemoryConsumer, "offer", lambda _: None)

    def test_deaf(self) -> None:
        """A take that can't be interrupted is found."""

        def ignored(_: MemoryConsumer) -> Deferred[None]:
            return succeed(None)

        self.assert_finds("test_interrupt", MemoryConsumer, "interrupt", ignored)
