"""Lists of what is kept, over all partitions, newest first."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred, DeferredList

from pipeline.message import Message

__all__ = ["MOST", "Listing", "together"]

#: The most messages of one page.
MOST = 1000


class Listing:
    """A list of messages that are kept; nothing is read before it is asked.

    What the delivery in hand has staged is not in it yet, and what it says is not compared when
    that is settled.

    :param broker: whose partitions are looked into.
    :param index: the sorted set with the ids, by when they were stored.
    :param record: the key of a message, without its id.
    :param retention: seconds for which a message is kept.
    """

    def __init__(self, broker: Any, index: str, record: str, retention: float) -> None:
        self._clock = broker.clock
        self._readers = [broker.reader(number) for number in range(broker.partitions)]
        self._index = index
        self._record = record
        self._retention = retention

    async def page(self, start: int = 0, count: int = 100) -> list[Message]:
        """Messages, first those that were stored last.

        :param start: how many to leave out. What is stored between two pages moves the others on:
            who must see each one once goes by their ids.
        :param count: how many at most, up to :data:`MOST`.
        :raise ValueError: there is no such page.
        """
        if start < 0 or not 0 < count <= MOST:
            raise ValueError(f"a page starts at 0 or later, with 1 to {MOST}: {start}, {count}")
        found = await together(
            [
                self._readers[at].read("hget", f"{self._record}{name.decode()}", "message")
                for name, at in await self._places(start, count)
            ]
        )
        return [Message.from_json(raw) for raw in found if raw is not None]

    async def count(self) -> int:
        """How many there are."""
        since = math.nextafter(self._clock.seconds() - self._retention, math.inf)
        reads = [reader.read("zcount", self._index, since, math.inf) for reader in self._readers]
        return sum(await together(reads))

    async def _places(self, start: int, count: int) -> list[tuple[bytes, int]]:
        """The ids of a page, each with its partition."""
        last = start + count - 1
        reads = [reader.read("zscored", self._index, 0, last, True) for reader in self._readers]
        listed = enumerate(await together(reads))
        merged = [(score, name, at) for at, each in listed for name, score in each]
        merged.sort(reverse=True)
        return [(name, at) for _, name, at in merged[start : last + 1]]


async def together(reads: Sequence[Deferred[Any]]) -> list[Any]:
    """What all of these bring, in their order; the first error if one fails."""
    results = await DeferredList(reads, consumeErrors=True)
    for succeeded, failure in results:
        if not succeeded:
            failure.raiseException()
    return [value for _, value in results]
