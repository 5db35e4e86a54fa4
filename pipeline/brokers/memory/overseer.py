"""What an operator sees of a namespace in memory, and may do there."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger
from zope.interface import implementer

from pipeline.brokers.memory.place import MemoryPlace
from pipeline.brokers.memory.shard import Shard
from pipeline.interfaces import IOverseer
from pipeline.operating import Pause, QueueSeen, WorkerSeen, checked_pause

if TYPE_CHECKING:
    from pipeline.brokers.memory.broker import MemoryBroker

__all__ = ["MemoryOverseer"]


@implementer(IOverseer)
class MemoryOverseer:
    """Looks at all partitions.

    :param broker: whose namespace it is.
    """

    _log = Logger()

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker
        self._server = broker.server

    def workers(self) -> Deferred[list[WorkerSeen]]:
        """See :meth:`pipeline.interfaces.IOverseer.workers`."""
        about = socket.gethostname(), os.getpid()
        return succeed(
            [
                WorkerSeen(broker.worker_id, broker.workers, *about, since, beat)
                for broker, since, beat in self._server.beats(self._broker.namespace)
            ]
        )

    def queues(self) -> Deferred[list[str]]:
        """See :meth:`pipeline.interfaces.IOverseer.queues`."""
        known = {queue for shard in self._shards() for queue in shard.known}
        return succeed(sorted(queue for queue in known if "@" not in queue))

    def look(self, queues: Sequence[str]) -> Deferred[list[QueueSeen]]:
        """See :meth:`pipeline.interfaces.IOverseer.look`."""
        self._server.refresh()
        return succeed(
            [_seen(shard, queue, n) for queue in queues for n, shard in enumerate(self._shards())]
        )

    def pauses(self) -> Deferred[list[Pause]]:
        """See :meth:`pipeline.interfaces.IOverseer.pauses`."""
        return succeed(sorted(self._pauses.values()))

    def pause(self, queue: str, by: str, reason: str = "") -> Deferred[bool]:
        """See :meth:`pipeline.interfaces.IOverseer.pause`.

        :raise ValueError: a name or text is too long.
        """
        checked_pause(queue, by, reason)
        if queue in self._pauses:
            return succeed(False)
        self._pauses[queue] = Pause(queue, by, self._server.now(), reason)
        self._log.warn("{queue} is paused by {by}", queue=queue, by=by)
        return succeed(True)

    def resume(self, queue: str) -> Deferred[bool]:
        """See :meth:`pipeline.interfaces.IOverseer.resume`."""
        if self._pauses.pop(queue, None) is None:
            return succeed(False)
        for shard in self._shards():
            shard.touched.add(queue)
        self._log.info("{queue} is resumed", queue=queue)
        self._server.refresh()
        return succeed(True)

    def place(self, queue: str, partition: int = 0) -> MemoryPlace:
        """See :meth:`pipeline.interfaces.IOverseer.place`."""
        self._server.refresh()
        reader = self._broker.reader(partition)
        shard = self._shards()[partition]
        return MemoryPlace(shard, queue, partition, reader, self._server.refresh)

    @property
    def _pauses(self) -> dict[str, Pause]:
        return self._shards()[0].pauses

    def _shards(self) -> list[Shard]:
        namespace = self._broker.namespace
        return [self._server.shard(namespace, n) for n in range(self._broker.partitions)]


def _seen(shard: Shard, queue: str, partition: int) -> QueueSeen:
    stream, delayed = shard.stream(queue), shard.delayed(queue)
    waiting = stream.waiting()
    readers = dict.fromkeys(stream.readers, 0)
    for entry in stream.held():
        if entry.holder:
            readers[entry.holder] = readers.get(entry.holder, 0) + 1
    return QueueSeen(
        queue,
        partition,
        *shard.depth(queue),
        oldest=waiting[0].position[0] if waiting else None,
        due=delayed[0][0] if delayed else None,
        added=stream.added,
        readers=readers,
    )
