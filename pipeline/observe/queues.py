"""The messages of a queue over all its partitions: found, and thrown away."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred, gatherResults

from pipeline.delivery import Delivery, Settled
from pipeline.errors import ServerRefused
from pipeline.observe.letters import position
from pipeline.operating import Found

__all__ = ["KINDS", "Yard", "is_reference", "reference"]

#: What may be looked at.
KINDS = ("waiting", "delayed", "in_hand")
#: How many messages are read at once.
PAGE = 100
#: How often it is tried to throw a message away while what it staged for that changes.
TRIES = 5
#: Of a delayed message so many characters are its name.
NAME = 32

_REFERENCE = re.compile(r"([0-9]{1,19}-[0-9]{1,19}|[0-9a-f]{32})(?:/([0-9]{1,6}))?")


def is_reference(text: str) -> bool:
    """Whether a text can be what :func:`reference` gives."""
    return _REFERENCE.fullmatch(text) is not None


def reference(found: Found) -> str:
    """What an operator calls a message: its id, with ``/2`` behind it in partition 2.

    One that is delayed has a name of its own, since it has no place in the queue yet.
    """
    id = found.delivery.id[:NAME].decode("utf-8", "replace")
    partition = found.delivery.partition
    return f"{id}/{partition}" if partition else id


class Yard:
    """One queue.

    :param broker: an :class:`pipeline.interfaces.IBroker` that is started.
    :param queue: its name.
    :param partitions: which of its partitions; None: all.
    """

    def __init__(self, broker: Any, queue: str, partitions: Sequence[int] | None = None) -> None:
        overseer = broker.overseer()
        chosen = range(broker.partitions) if partitions is None else partitions
        self._places = {n: overseer.place(queue, n) for n in chosen}

    # Looking -----------------------------------------------------------------------------------

    async def find(self, kind: str) -> AsyncGenerator[list[Found]]:
        """Messages in pages of one partition each, oldest or next due first.

        :param kind: one of :data:`KINDS`.
        """
        for place in self._places.values():
            start: Any = 0 if kind == "delayed" else "-"
            while page := await getattr(place, kind)(start, PAGE):
                yield page
                last = page[-1].delivery.id
                start = start + len(page) if kind == "delayed" else f"({last.decode()}"

    async def lookup(self, text: str) -> tuple[str, Found] | None:
        """The message of a reference, and which kind it is of; None: it isn't there."""
        found = _REFERENCE.fullmatch(text)
        place = None if found is None else self._places.get(int(found[2] or 0))
        if found is None or place is None:
            return None
        if "-" not in found[1]:
            return await self._lookup_delayed(text)
        for kind in ("waiting", "in_hand"):
            page = await getattr(place, kind)(found[1], 1)
            if page and reference(page[0]) == text:
                return kind, page[0]
        return None

    async def _lookup_delayed(self, text: str) -> tuple[str, Found] | None:
        async for page in self.find("delayed"):
            for each in page:
                if reference(each) == text:
                    return "delayed", each
        return None

    # Throwing away -----------------------------------------------------------------------------

    async def purge(
        self,
        kind: str,
        stage: Callable[[Delivery], Awaitable[None]],
        done: Callable[[int], None] = lambda count: None,
    ) -> Counter[str]:
        """Throw away what waits, or is delayed, and was there when this began.

        :param kind: ``waiting`` or ``delayed``.
        :param stage: stages what else is to be true when a message is thrown away.
        :param done: told how many were looked at, again and again.
        :return: how many were ``purged``, ``gone`` (taken by a worker, or by another purge) and
            ``kept`` (what was staged for them changed again and again).
        :raise ServerRefused: a write that was staged can't be done.
        """
        tally: Counter[str] = Counter(purged=0, gone=0, kept=0)
        purge = _purge_waiting if kind == "waiting" else _purge_delayed
        for place in self._places.values():
            async for some in purge(place, stage):
                tally.update(some)
                done(some.total())
        return tally


_Stage = Callable[[Delivery], Awaitable[None]]


async def _purge_waiting(place: Any, stage: _Stage) -> AsyncIterator[Counter[str]]:
    """What comes meanwhile is left alone."""
    start, newest = "-", await place.newest()
    end = (0, 0) if newest == "-" else position(newest)
    while page := await place.waiting(start, PAGE):
        due = [each for each in page if position(each.delivery.id.decode()) <= end]
        if due:
            yield await _purged(place.purge, [each.delivery for each in due], stage)
        if len(due) < len(page):
            return
        start = f"({page[-1].delivery.id.decode()}"


async def _purge_delayed(place: Any, stage: _Stage) -> AsyncIterator[Counter[str]]:
    """What comes meanwhile may go as well: a delay says nothing about when that was."""
    kept = 0
    while page := await place.delayed(kept, PAGE):
        some = await _purged(place.purge_delayed, [each.delivery for each in page], stage)
        kept += some["kept"]
        yield some


async def _purged(
    purge: Callable[[Sequence[Delivery]], Any], deliveries: list[Delivery], stage: _Stage
) -> Counter[str]:
    tally: Counter[str] = Counter()
    for _ in range(TRIES):
        # All at once: each has to ask the server for what it knows.
        staging = [Deferred.fromCoroutine(_staged(stage, each)) for each in deliveries]
        await gatherResults(staging, consumeErrors=True)
        results = await purge(deliveries)
        for each, result in zip(deliveries, results, strict=True):
            if result is Settled.REFUSED or result is Settled.TORN:
                raise ServerRefused(f"{each!r} can't be thrown away: {each.refusal}")
        tally["purged"] += results.count(Settled.WON)
        left = [d for d, r in zip(deliveries, results, strict=True) if r is Settled.CONFLICT]
        tally["gone"] += len(results) - results.count(Settled.WON) - len(left)
        deliveries = left
        if not left:
            return tally
    tally["kept"] = len(deliveries)
    return tally


async def _staged(stage: _Stage, delivery: Delivery) -> None:
    delivery.restart()
    await stage(delivery)
