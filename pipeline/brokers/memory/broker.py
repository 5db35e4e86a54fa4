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

from pipeline.brokers.memory.consumer import MemoryConsumer
from pipeline.brokers.memory.dead import MemoryDeadLetters
from pipeline.brokers.memory.limited import MemoryLimitedConsumer
from pipeline.brokers.memory.ordered import MemoryOrderedConsumer
from pipeline.brokers.memory.overseer import MemoryOverseer
from pipeline.brokers.memory.server import MemoryServer
from pipeline.brokers.memory.shard import Shard
from pipeline.delivery import DeadLetterEntry, Depth, Limit, Post
from pipeline.errors import BrokerUnavailable, PipelineError
from pipeline.interfaces import IBroker, IReader
from pipeline.signals import connection_lost, connection_made
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

    def commit(
        self, checks: Iterable[Check], writes: Iterable[Write], posts: Iterable[Post] = ()
    ) -> Deferred[bool]:
        """Apply writes if every check holds, see :meth:`pipeline.interfaces.IReader.commit`."""
        shard = self._server.shard(*self._place)
        try:
            if not shard.keys.holds(checks):
                return succeed(False)
            shard.keys.apply(writes)
        except PipelineError:
            return fail()
        published = list(posts)
        for post in published:
            shard.post(post)
        if published:
            self._server.refresh()
        return succeed(True)


@implementer(IBroker)
class MemoryBroker:
    """A broker with no server.

    :param clock: the reactor, or a Clock.
    :param namespace: what separates this system from others on the same server.
    :param partitions: how many partitions there are.
    :param worker_id: this process's incarnation; None: a new one.
    :param workers: the names of the workers that run here, for who looks.
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
        workers: Sequence[str] = (),
        server: MemoryServer | None = None,
        dead_after: float = 15.0,
        dead_letter_retention: float | None = None,
    ) -> None:
        self.namespace = namespace
        self.partitions = partitions
        self.worker_id = worker_id or uuid.uuid4().hex
        self.workers = tuple(workers)
        self.dead_after = dead_after
        self.dead_letter_retention = dead_letter_retention
        self.available = False
        self.problem: str | None = "the broker has not been started"
        self.silence = 0.0
        self.clock = clock
        self.server = MemoryServer(clock) if server is None else server

    def start(self) -> Deferred[None]:
        """Start to beat."""
        self.available, self.problem = True, None
        self.server.join(self)
        connection_made.send_robust(self)
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
        was_available = self.available
        self.available, self.problem = False, "the broker has been stopped"
        left = self.server.leave(self)
        if was_available:
            connection_lost.send_robust(self, reason=self.problem)
        return left

    def consumer(
        self,
        queue: str,
        partition: int = 0,
        instance: bool = False,
        ordered: bool = False,
        limit: Limit | None = None,
    ) -> MemoryConsumer:
        """A consumer of a queue, see :meth:`pipeline.interfaces.IBroker.consumer`."""
        if limit is not None:
            return MemoryLimitedConsumer(self, queue, partition, limit)
        kind = MemoryOrderedConsumer if ordered else MemoryConsumer
        return kind(self, queue, partition, instance)

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

    def now(self) -> Deferred[int]:
        """The clock's time, see :meth:`pipeline.interfaces.IBroker.now`."""
        return succeed(self.server.now())

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

    def overseer(self) -> MemoryOverseer:
        """See :meth:`pipeline.interfaces.IBroker.overseer`."""
        self.server.refresh()
        return MemoryOverseer(self)

    def _shard(self, partition: int) -> Shard:
        return self.server.shard(self.namespace, partition)
