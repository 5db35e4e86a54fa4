"""The reference broker: every promise of :mod:`pipeline.interfaces`, in memory, on a clock.

Nothing survives the process. Several brokers may share one :class:`MemoryServer`, as several
processes share one Redis; a test plays all of them and moves the clock by hand.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from pipeline.brokers.memory.dead import MemoryDeadLetters
from pipeline.brokers.memory.server import MemoryServer
from pipeline.brokers.memory.shard import Shard
from pipeline.brokers.memory.stream import Entry
from pipeline.delivery import DeadLetterEntry, Delivery, Depth, Post, Settled
from pipeline.errors import BrokerUnavailable, PipelineError
from pipeline.interfaces import IBroker, IConsumer, IReader
from pipeline.store import Check, Write

__all__ = ["MemoryBroker", "MemoryConsumer", "MemoryReader", "MemoryServer"]


@implementer(IReader)
class MemoryReader:
    """Reads and writes the store of one partition."""

    def __init__(self, server: MemoryServer, namespace: str, partition: int) -> None:
        self._server = server
        self._place = (namespace, partition)

    def read(self, op: str, key: str, *args: Any) -> Deferred[Any]:
        """One value, see :meth:`pipeline.interfaces.IReader.read`."""
        try:
            return succeed(self._server.shard(*self._place).keys.read(op, key, *args))
        except PipelineError:
            return fail()

    def commit(self, checks: Iterable[Check], writes: Iterable[Write]) -> Deferred[bool]:
        """Apply writes if every check holds, see :meth:`pipeline.interfaces.IReader.commit`."""
        keys = self._server.shard(*self._place).keys
        try:
            if not keys.holds(checks):
                return succeed(False)
            keys.apply(writes)
        except PipelineError:
            return fail()
        return succeed(True)


@implementer(IConsumer)
class MemoryConsumer:
    """Takes the messages of one queue; made by :meth:`MemoryBroker.consumer`."""

    def __init__(self, broker: MemoryBroker, queue: str, partition: int, instance: bool) -> None:
        self.broker = broker
        self.queue = queue
        self.partition = partition
        self.place = (broker.namespace, partition)
        self.in_hand: dict[bytes, Delivery] = {}
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
        return succeed(None)

    def close(self) -> Deferred[None]:
        """Forget this consumer; what an instance's queue still holds is dead-lettered.

        :raise RuntimeError: something is in hand.
        """
        if self.in_hand:
            return fail(RuntimeError(f"{len(self.in_hand)} messages of {self.queue} are in hand"))
        if self._instance:
            self._shard.orphan(self.queue)
        return self.interrupt()

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
        taken = self._fetch(count)
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
        if self._taking is None:
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
        fresh = stream.take(holder, count - (suspect is not None))
        taken = [self._delivery(entry, stream.token) for entry in fresh]
        if suspect is not None:
            taken.insert(0, self._delivery(suspect, stream.token, probation=True))
        self.in_hand.update((delivery.id, delivery) for delivery in taken)
        return taken

    def _delivery(self, entry: Entry, token: bytes, probation: bool = False) -> Delivery:
        return Delivery(
            self.queue,
            entry.id,
            entry.payload,
            partition=self.partition,
            token=token,
            attempt=int(entry.headers.get(b"a", 1)),
            deaths=entry.deaths,
            enqueued_at=int(entry.headers[b"t"]),
            history=entry.headers.get(b"h", b""),
            probation=probation,
            reader=self.broker.reader(self.partition),
        )

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


@implementer(IBroker)
class MemoryBroker:
    """A broker with no server.

    :param clock: the reactor, or a Clock.
    :param namespace: what separates this system from others on the same server.
    :param partitions: how many partitions there are.
    :param worker_id: this process's incarnation; None: a new one.
    :param server: the data, to be shared with other brokers; None: its own.
    :param dead_after: seconds without a beat after which another worker is dead.
    :param dead_letter_retention: seconds after which dead letters are thrown away, when something
        happens next; None: never.
    """

    def __init__(
        self,
        clock: IReactorTime,
        *,
        namespace: str = "memory",
        partitions: int = 1,
        worker_id: str | None = None,
        server: MemoryServer | None = None,
        dead_after: float = 15.0,
        dead_letter_retention: float | None = None,
    ) -> None:
        self.namespace = namespace
        self.partitions = partitions
        self.worker_id = worker_id or uuid.uuid4().hex
        self.dead_after = dead_after
        self.dead_letter_retention = dead_letter_retention
        self.available = False
        self.problem: str | None = "the broker has not been started"
        self.server = MemoryServer(clock) if server is None else server

    def start(self) -> Deferred[None]:
        """Start to beat."""
        self.available, self.problem = True, None
        self.server.join(self)
        return succeed(None)

    def stop(self) -> Deferred[None]:
        """Let go. What is still in hand is taken over by others after their ``dead_after``."""
        for consumer in self._leave():
            consumer.interrupt()
        return succeed(None)

    def die(self) -> None:
        """For tests: stop to beat and to read, as a process that hangs and holds what it has."""
        self._leave()

    def _leave(self) -> list[MemoryConsumer]:
        self.available, self.problem = False, "the broker has been stopped"
        return self.server.leave(self)

    def consumer(self, queue: str, partition: int = 0, instance: bool = False) -> MemoryConsumer:
        """A consumer of a queue, see :meth:`pipeline.interfaces.IBroker.consumer`."""
        return MemoryConsumer(self, queue, partition, instance)

    def publish(
        self, posts: Sequence[Post], partition: int = 0, max_depth: int = 0
    ) -> Deferred[None]:
        """Publish from the edge, see :meth:`pipeline.interfaces.IBroker.publish`.

        :raise ValueError: the posts are for several queues.
        """
        if not self.available:
            return fail(BrokerUnavailable(self.problem))
        if len({post.queue for post in posts}) > 1:
            return fail(ValueError("posts that are published together must be for one queue"))
        try:
            self._shard(partition).accept(posts, max_depth)
        except PipelineError:
            return fail()
        self.server.refresh()
        return succeed(None)

    def reader(self, partition: int = 0) -> MemoryReader:
        """The store of a partition."""
        return MemoryReader(self.server, self.namespace, partition)

    def depth(self, queue: str) -> Deferred[Depth]:
        """How much is in a queue, over all partitions."""
        each = [self._shard(partition).depth(queue) for partition in range(self.partitions)]
        return succeed(Depth(*map(sum, zip(*each, strict=True))))

    def dead(
        self, queue: str, partition: int = 0, start: str = "-", count: int = 100
    ) -> Deferred[list[DeadLetterEntry]]:
        """Dead letters of a queue, see :meth:`pipeline.interfaces.IBroker.dead`."""
        return self.dead_letters(queue, partition).page(start, count)

    def dead_letters(self, queue: str, partition: int = 0) -> MemoryDeadLetters:
        """See :meth:`pipeline.interfaces.IBroker.dead_letters`."""
        self.server.refresh()
        return MemoryDeadLetters(self._shard(partition), queue, self.server.refresh)

    def dead_queues(self) -> Deferred[list[str]]:
        """See :meth:`pipeline.interfaces.IBroker.dead_queues`."""
        self.server.refresh()
        shards = map(self._shard, range(self.partitions))
        return succeed(sorted({queue for shard in shards for queue in shard.graves.queues()}))

    def _shard(self, partition: int) -> Shard:
        return self.server.shard(self.namespace, partition)
