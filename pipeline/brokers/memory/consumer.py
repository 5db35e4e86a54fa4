"""Taking the messages of a queue in memory, and settling them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred, fail, succeed
from zope.interface import implementer

from pipeline.brokers.memory.shard import Shard
from pipeline.brokers.memory.stream import Entry
from pipeline.delivery import Delivery, Settled
from pipeline.errors import BrokerUnavailable
from pipeline.interfaces import IConsumer

if TYPE_CHECKING:
    from pipeline.brokers.memory.broker import MemoryBroker

__all__ = ["MemoryConsumer"]


@implementer(IConsumer)
class MemoryConsumer:
    """Takes the messages of one queue; made by :meth:`MemoryBroker.consumer`."""

    def __init__(self, broker: MemoryBroker, queue: str, partition: int, instance: bool) -> None:
        self.broker = broker
        self.queue = queue
        self.partition = partition
        self.place = (broker.namespace, partition)
        self.in_hand: dict[bytes, Delivery] = {}
        self.waiting_since: float | None = None
        self._server = broker.server
        self._instance = instance
        self._count = 0
        self._taking: Deferred[list[Delivery]] | None = None

    @property
    def _shard(self) -> Shard:
        return self._server.shard(*self.place)

    def open(self) -> Deferred[None]:
        """Make the queue ready to be read."""
        if self._instance:
            self._shard.owners[self.queue] = self.broker.worker_id
        self._shard.stream(self.queue)
        self._shard.known.add(self.queue)
        return succeed(None)

    def close(self) -> Deferred[None]:
        """Forget this consumer; what an instance's queue still holds is dead-lettered.

        :raise RuntimeError: something is in hand.
        """
        if self.in_hand:
            return fail(RuntimeError(f"{len(self.in_hand)} messages of {self.queue} are in hand"))
        if self._instance:
            self._shard.orphan(self.queue)
        self._shard.stream(self.queue).readers.pop(self.broker.worker_id, None)
        return self.interrupt()

    @property
    def is_paused(self) -> bool:
        """See :class:`pipeline.interfaces.IConsumer`."""
        return self.queue in self._server.shard(self.broker.namespace, 0).pauses

    # Taking ------------------------------------------------------------------------------------

    def take(self, count: int) -> Deferred[list[Delivery]]:
        """Up to ``count`` messages, as soon as there is one.

        :raise RuntimeError: a take is out already.
        :raise BrokerUnavailable: the broker isn't started, or has stopped.
        """
        if self._taking is not None:
            return fail(RuntimeError(f"a take of {self.queue} is out already"))
        if not self.broker.available:
            return fail(BrokerUnavailable(self.broker.problem))
        self._shard.stream(self.queue).readers[self.broker.worker_id] = None
        taken = [] if self.is_paused else self._fetch(count)
        if taken:
            return succeed(taken)
        self._count = count
        self._taking = Deferred(self._cancelled)
        self._server.wait(self)
        return self._taking

    def interrupt(self) -> Deferred[None]:
        """End an outstanding take with nothing."""
        taking = self._give_up()
        if taking is not None:
            taking.callback([])
        return succeed(None)

    def offer(self) -> None:
        """Something may have come for an outstanding take."""
        if self._taking is None or self.is_paused:
            return
        taken = self._fetch(self._count)
        taking = self._give_up() if taken else None
        if taking is not None:
            taking.callback(taken)

    def _cancelled(self, _: Deferred[list[Delivery]]) -> None:
        self._give_up()

    def _give_up(self) -> Deferred[list[Delivery]] | None:
        taking, self._taking = self._taking, None
        self._server.no_wait(self)
        return taking

    def _fetch(self, count: int) -> list[Delivery]:
        stream = self._shard.stream(self.queue)
        holder = self.broker.worker_id
        suspect = None
        if not any(delivery.probation for delivery in self.in_hand.values()):
            suspect = stream.take_suspect(holder)
        fresh = stream.take(holder, self._room(count - (suspect is not None)))
        taken = [self._delivery(entry, stream.token) for entry in fresh]
        if suspect is not None:
            taken.insert(0, self._delivery(suspect, stream.token, probation=True))
        self.in_hand.update((delivery.id, delivery) for delivery in taken)
        return taken

    def _room(self, count: int) -> int:
        """How many of so many new ones may be taken."""
        return count

    def _delivery(self, entry: Entry, token: bytes, probation: bool = False) -> Delivery:
        delivery = Delivery(
            self.queue,
            entry.id,
            entry.payload,
            partition=self.partition,
            token=token,
            attempt=int(entry.headers.get(b"a", 1)),
            deaths=entry.deaths,
            enqueued_at=int(entry.headers[b"t"]),
            history=entry.headers.get(b"h", b""),
            trace=entry.headers.get(b"c", b""),
            probation=probation,
            reader=self.broker.reader(self.partition),
        )
        delivery.wait = None if entry.due is None else entry.due / 1000
        return delivery

    # Settling ----------------------------------------------------------------------------------

    def settle(self, deliveries: Sequence[Delivery]) -> Deferred[list[Settled]]:
        """Make what each delivery has staged true, each in one step.

        One that conflicts or is refused stays in hand.
        """
        results = [self._shard.settle(delivery) for delivery in deliveries]
        stays = (Settled.CONFLICT, Settled.REFUSED)
        for delivery, result in zip(deliveries, results, strict=True):
            if result not in stays:
                self._let_go(delivery)
        self._server.refresh()
        return succeed(results)

    def postpone(
        self, delivery: Delivery, attempt: int, history: bytes, delay: int
    ) -> Deferred[Settled]:
        """Note that a delivery has failed, and stays in hand until its next attempt."""
        noted = self._shard.postpone(delivery, attempt, history, delay)
        delivery.probation = False
        if noted is Settled.WON:
            delivery.attempt, delivery.history = attempt, history
            delivery.wait = (self._server.now() + delay) / 1000
        else:
            self._let_go(delivery)
        self._server.refresh()
        return succeed(noted)

    def hand_back(self, deliveries: Sequence[Delivery]) -> Deferred[None]:
        """Put messages back at the tail of their queue."""
        for delivery in deliveries:
            delivery.restart()
            self._shard.hand_back(delivery)
            self._let_go(delivery)
        self._server.refresh()
        return succeed(None)

    def _let_go(self, delivery: Delivery) -> None:
        # After a flush the same id may have been given out again.
        if self.in_hand.get(delivery.id) is delivery:
            del self.in_hand[delivery.id]
