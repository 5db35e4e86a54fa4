"""Dead letters in memory as an operator meets them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twisted.internet.defer import Deferred, succeed
from zope.interface import implementer

from pipeline.brokers.memory.shard import Shard
from pipeline.delivery import DeadLetterEntry
from pipeline.interfaces import IDeadLetters

__all__ = ["MemoryDeadLetters"]


@implementer(IDeadLetters)
class MemoryDeadLetters:
    """The dead letters of one queue in one partition.

    :param shard: the partition.
    :param queue: the queue's name.
    :param changed: called when something was put on a queue.
    """

    def __init__(self, shard: Shard, queue: str, changed: Callable[[], None]) -> None:
        self._shard = shard
        self._queue = queue
        self._changed = changed

    def page(self, start: str = "-", count: int = 100) -> Deferred[list[DeadLetterEntry]]:
        """See :meth:`pipeline.interfaces.IDeadLetters.page`."""
        return succeed(self._shard.graves.page(self._queue, start, count))

    def newest(self) -> Deferred[str | None]:
        """See :meth:`pipeline.interfaces.IDeadLetters.newest`."""
        return succeed(self._shard.graves.newest(self._queue))

    def count(self) -> Deferred[int]:
        """See :meth:`pipeline.interfaces.IDeadLetters.count`."""
        return succeed(self._shard.graves.count(self._queue))

    def reasons(self) -> Deferred[dict[str, int]]:
        """See :meth:`pipeline.interfaces.IDeadLetters.reasons`."""
        return succeed(self._shard.graves.reasons(self._queue))

    def requeue(self, letters: Sequence[DeadLetterEntry]) -> Deferred[list[bool]]:
        """See :meth:`pipeline.interfaces.IDeadLetters.requeue`."""
        results = [self._shard.revive(self._queue, letter.id) for letter in letters]
        self._changed()
        return succeed(results)

    def purge(self, letters: Sequence[DeadLetterEntry]) -> Deferred[list[bool]]:
        """See :meth:`pipeline.interfaces.IDeadLetters.purge`."""
        take = self._shard.graves.take
        return succeed([take(self._queue, letter.id) is not None for letter in letters])

    def edit(self, letter: DeadLetterEntry, payload: bytes) -> Deferred[str | None]:
        """See :meth:`pipeline.interfaces.IDeadLetters.edit`."""
        return succeed(self._shard.mend(letter, payload))
