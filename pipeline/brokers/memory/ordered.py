"""Reading a queue in memory in its order: one consumer at a time, by a lease."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed

from pipeline.brokers.memory.consumer import MemoryConsumer
from pipeline.brokers.memory.stream import Entry
from pipeline.delivery import Delivery
from pipeline.errors import ConfigError

__all__ = ["MemoryOrderedConsumer"]


class MemoryOrderedConsumer(MemoryConsumer):
    """Takes the messages of a queue in their order, while it has the lease."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._lease = b""
        #: What was taken and not settled when we got the lease; True: a worker died with it.
        self._pending: deque[tuple[Entry, bool]] = deque()

    @property
    def has_lease(self) -> bool:
        """Whether it reads."""
        return bool(self._lease) and self._lease == self._shard.stream(self.queue).lease

    def open(self) -> Deferred[None]:
        """Make the queue ready to be read.

        :raise ConfigError: it holds messages in another number of partitions.
        """
        try:
            self._server.spread(self.broker.namespace, self.queue, self.broker.partitions)
        except ConfigError:
            return fail()
        return super().open()

    def close(self) -> Deferred[None]:
        """Let another read on."""
        if not self.in_hand:
            self._shard.stream(self.queue).give_up(self._lease)
            self._lease = b""
            self._pending.clear()
            self._shard.touched.add(self.queue)
        closing = super().close()
        self._server.refresh()
        return closing

    def hand_back(self, deliveries: Sequence[Delivery]) -> Deferred[None]:
        """Leave messages in their places, for who reads next."""
        for delivery in deliveries:
            delivery.restart()
            self._let_go(delivery)
        if self.has_lease:
            self._claim()
        self._server.refresh()
        return succeed(None)

    def _claim(self) -> None:
        """Begin anew with what was taken and is neither settled nor in hand."""
        suspects = {entry for entry, is_suspect in self._pending if is_suspect}
        claimed = self._shard.stream(self.queue).claim(self.broker.worker_id)
        self._pending = deque(
            (entry, is_suspect or entry in suspects)
            for entry, is_suspect in claimed
            if entry.id not in self.in_hand
        )

    def _fetch(self, count: int) -> list[Delivery]:
        if not self.has_lease and not self._get_lease():
            return []
        if self._pending and self._pending[0][1]:
            taken = self._next_suspect()
        elif self._pending:
            taken = self._next_pending(count)
        else:
            fresh = self._shard.stream(self.queue).take(self.broker.worker_id, count)
            taken = [self._delivery(entry, self._lease) for entry in fresh]
        self.in_hand.update((delivery.id, delivery) for delivery in taken)
        return taken

    def _get_lease(self) -> bool:
        self._lease = self._shard.stream(self.queue).grant(self.broker.worker_id) or b""
        self.in_hand.clear()
        self._pending.clear()
        if self._lease:
            self._claim()
        return bool(self._lease)

    def _next_suspect(self) -> list[Delivery]:
        if any(delivery.probation for delivery in self.in_hand.values()):
            return []
        entry, _ = self._pending.popleft()
        entry.deaths += 1
        return [self._delivery(entry, self._lease, probation=True)]

    def _next_pending(self, count: int) -> list[Delivery]:
        taken: list[Delivery] = []
        while self._pending and not self._pending[0][1] and len(taken) < count:
            taken.append(self._delivery(self._pending.popleft()[0], self._lease))
        return taken
