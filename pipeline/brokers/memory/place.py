"""The messages of one queue in one partition in memory, as an operator meets them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred, succeed
from zope.interface import implementer

from pipeline.brokers.memory.shard import Shard
from pipeline.brokers.memory.stream import Entry
from pipeline.delivery import Delivery, Post, Settled
from pipeline.errors import ServerRefused
from pipeline.interfaces import IPlace
from pipeline.operating import Found

__all__ = ["MemoryPlace"]


@implementer(IPlace)
class MemoryPlace:
    """Looks without taking.

    :param shard: the partition.
    :param queue: the queue's name.
    :param partition: the partition's number.
    :param reader: reads its store.
    :param changed: called when something may have been put on a queue.
    """

    def __init__(
        self,
        shard: Shard,
        queue: str,
        partition: int,
        reader: Any,
        changed: Callable[[], None],
    ) -> None:
        self._shard = shard
        self._changed = changed
        self._queue = queue
        self._partition = partition
        self._reader = reader

    # Looking -----------------------------------------------------------------------------------

    def waiting(self, start: str = "-", count: int = 100) -> Deferred[list[Found]]:
        """See :meth:`pipeline.interfaces.IPlace.waiting`."""
        entries = _from(start, self._shard.stream(self._queue).waiting())
        return succeed([Found(self._of(e), since=e.position[0]) for e in entries[:count]])

    def in_hand(self, start: str = "-", count: int = 100) -> Deferred[list[Found]]:
        """See :meth:`pipeline.interfaces.IPlace.in_hand`."""
        entries = _from(start, self._shard.stream(self._queue).held())
        return succeed([Found(self._of(e), e.taken_at, 0, e.holder) for e in entries[:count]])

    def delayed(self, start: int = 0, count: int = 100) -> Deferred[list[Found]]:
        """See :meth:`pipeline.interfaces.IPlace.delayed`."""
        found = self._shard.delayed(self._queue)[start : start + count]
        return succeed([self._later(*each) for each in found])

    def newest(self) -> Deferred[str]:
        """See :meth:`pipeline.interfaces.IPlace.newest`."""
        stream = self._shard.stream(self._queue)
        every = sorted((e.position, e.id) for e in (*stream.waiting(), *stream.held()))
        return succeed(every[-1][1].decode() if every else "-")

    def _of(self, entry: Entry) -> Delivery:
        return self._delivery(entry.id, entry.payload, entry.headers, entry.deaths)

    def _later(self, due: int, number: int, post: Post) -> Found:
        headers = dict(zip(post.headers[::2], post.headers[1::2], strict=True))
        delivery = self._delivery(_name(number), post.payload, headers, int(headers.get(b"d", 0)))
        return Found(delivery, since=delivery.enqueued_at, due=due)

    def _delivery(
        self, id: bytes, payload: bytes, headers: dict[bytes, bytes], deaths: int
    ) -> Delivery:
        return Delivery(
            self._queue,
            id,
            payload,
            partition=self._partition,
            token=self._shard.stream(self._queue).token,
            attempt=int(headers.get(b"a", 1)),
            deaths=deaths,
            enqueued_at=int(headers[b"t"]),
            history=headers.get(b"h", b""),
            reader=self._reader,
        )

    # Throwing away -----------------------------------------------------------------------------

    def purge(self, deliveries: Sequence[Delivery]) -> Deferred[list[Settled]]:
        """See :meth:`pipeline.interfaces.IPlace.purge`."""
        stream = self._shard.stream(self._queue)
        found = {entry.id: entry for entry in stream.waiting()}
        return self._each(deliveries, found, stream.withdraw)

    def purge_delayed(self, deliveries: Sequence[Delivery]) -> Deferred[list[Settled]]:
        """See :meth:`pipeline.interfaces.IPlace.purge_delayed`."""
        found = {_name(number): number for _, number, _ in self._shard.delayed(self._queue)}
        forget = partial(self._shard.forget_delayed, self._queue)
        return self._each(deliveries, found, forget)

    def _each(
        self, deliveries: Sequence[Delivery], found: dict[bytes, Any], take: Callable[[Any], None]
    ) -> Deferred[list[Settled]]:
        results = [self._withdraw(each, found.pop(each.id, None), take) for each in deliveries]
        self._changed()
        return succeed(results)

    def _withdraw(self, delivery: Delivery, found: Any, take: Callable[[Any], None]) -> Settled:
        """Settle what was not taken, if it is still there."""
        if delivery.token != self._shard.stream(self._queue).token:
            return Settled.FENCED
        if found is None:
            return Settled.LOST
        if delivery.has_state and not self._shard.keys.holds(delivery.store.checks):
            return Settled.CONFLICT
        try:
            self._shard.keys.apply(delivery.store.writes if delivery.has_state else ())
        except ServerRefused as refused:
            delivery.refusal = str(refused)
            return Settled.REFUSED
        take(found)
        for post in delivery.posts:
            self._shard.post(post)
        return Settled.WON


def _name(number: int) -> bytes:
    return b"%032d" % number


def _from(start: str, entries: list[Entry]) -> list[Entry]:
    """Those from an id on, as of a server's range."""
    if start == "-":
        return entries
    first, _, second = start.removeprefix("(").partition("-")
    place = int(first), int(second or 0)
    after = start.startswith("(")
    return [e for e in entries if e.position > place or (not after and e.position == place)]
