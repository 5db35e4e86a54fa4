"""Reading a queue in memory no faster than its limit allows."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from pipeline.brokers.memory.consumer import MemoryConsumer
from pipeline.delivery import Delivery, Limit

if TYPE_CHECKING:
    from pipeline.brokers.memory.broker import MemoryBroker

__all__ = ["MemoryLimitedConsumer"]


class MemoryLimitedConsumer(MemoryConsumer):
    """Takes the messages of a queue within a limit that it shares with all others of the queue."""

    def __init__(self, broker: MemoryBroker, queue: str, partition: int, limit: Limit) -> None:
        super().__init__(broker, queue, partition, instance=False)
        self._limit = limit

    def _fetch(self, count: int) -> list[Delivery]:
        rate = self._limit.rate
        if not rate:
            return super()._fetch(count)
        taken = self._taken_lately()
        if len(taken) >= rate:
            self._shard.reopened[self.queue] = taken[0] + self._limit.period
            self._server.set_alarm()
            return []
        fetched = super()._fetch(min(count, rate - len(taken)))
        taken += [self._server.now()] * len(fetched)
        return fetched

    def _room(self, count: int) -> int:
        most = self._limit.concurrency
        return min(count, most - self._shard.stream(self.queue).in_hand) if most else count

    def _taken_lately(self) -> deque[int]:
        taken = self._shard.taken[self.queue]
        gone = self._server.now() - self._limit.period
        while taken and taken[0] <= gone:
            taken.popleft()
        return taken
