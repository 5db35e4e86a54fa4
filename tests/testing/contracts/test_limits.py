"""The contract finds brokers that give out more than a limit allows, or nothing any more."""

from __future__ import annotations

from collections import deque

from pipeline.brokers.memory.limited import MemoryLimitedConsumer
from pipeline.brokers.memory.server import MemoryServer
from pipeline.brokers.memory.stream import Stream
from tests.testing.contracts.support import ContractCase


class LimitsContractTests(ContractCase):
    """Each names what is broken."""

    def test_any_number(self) -> None:
        """A broker that gives out as many as are wanted is found."""
        for test in ("test_concurrency", "test_concurrency_after_death"):
            self.assert_finds(test, MemoryLimitedConsumer, "_room", lambda _, count: count)

    def test_any_speed(self) -> None:
        """A broker that has forgotten what was taken lately is found."""
        for test in ("test_rate", "test_rate_after_death"):
            self.assert_finds(test, MemoryLimitedConsumer, "_taken_lately", lambda _: deque())

    def test_silence(self) -> None:
        """A broker that wakes nobody when a period is over is found."""
        self.assert_finds("test_rate_goes_on", MemoryServer, "set_alarm", lambda _: None)

    def test_kept_room(self) -> None:
        """A broker in which what is settled leaves no room is found."""
        for test in ("test_released", "test_released_by_hand_back"):
            self.assert_finds(test, Stream, "in_hand", property(lambda _: 1000))
