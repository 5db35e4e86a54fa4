"""Reads states: of one call, and lists of them."""

from __future__ import annotations

import heapq
from collections.abc import AsyncIterator, Collection
from typing import Any, NamedTuple

from pipeline.errors import UnknownCall
from pipeline.store import Store
from pipeline.tasks.states.records import (
    LIVE,
    NAMES,
    Record,
    decoded,
    index_of,
    record_key,
    runs_key,
    status_from,
)
from pipeline.tasks.states.status import FINAL, STATES, TaskStatus

__all__ = ["Found", "calls", "counts", "find", "status_of", "task_names", "walk"]

#: How many calls are looked at, at most, to find those of a state that has no index of its own.
LOOKED_AT = 10_000

#: How many ids are read at a time.
PAGE = 200


class Found(NamedTuple):
    """A call's record, and where it is."""

    partition: int
    raw: bytes
    record: Record


async def find(broker: Any, call_id: str) -> Found:
    """The record of a call.

    :raise UnknownCall: there is none, or none any more.
    :raise BrokerError: the store can't be read.
    """
    for partition in range(broker.partitions):
        raw = await Store(broker.reader(partition)).get(record_key(call_id))
        if raw is not None:
            return Found(partition, raw, decoded(raw))
    raise UnknownCall(
        f"nothing is known of the call {call_id!r}: it was not sent yet, ended too long ago, or "
        "its namespace keeps no states (keep_task_states)"
    )


async def status_of(broker: Any, call_id: str) -> TaskStatus:
    """What is known of a call; raises as :func:`find`."""
    found = await find(broker, call_id)
    return await _status(Store(broker.reader(found.partition)), call_id, found.raw)


async def _status(store: Store, call_id: str, raw: bytes) -> TaskStatus:
    return status_from(call_id, raw, await store.hgetall(runs_key(call_id)))


async def task_names(broker: Any) -> list[str]:
    """The names of all tasks that were ever sent or run, sorted."""
    return sorted(name.decode() for name in await Store(broker.reader(0)).hgetall(NAMES))


async def counts(broker: Any) -> dict[str, dict[str, int]]:
    """How many calls of each task are ``live``, ``finished``, ``failed`` and ``cancelled``."""
    counted: dict[str, dict[str, int]] = {}
    for name in await task_names(broker):
        numbers = counted[name] = dict.fromkeys((LIVE, *FINAL), 0)
        for state in numbers:
            for partition in range(broker.partitions):
                store = Store(broker.reader(partition))
                numbers[state] += await store.zcard(index_of(name, state))
    return counted


async def calls(
    broker: Any, *, task: str | None = None, state: str | None = None, count: int = 100
) -> list[TaskStatus]:
    """Calls, newest first: by when they ended, or if they have not, by when they were queued.

    Of those that live at most 10,000 are looked at to find those of one state.

    :param task: only of this task.
    :param state: only in this state.
    :param count: at most so many.
    :raise ValueError: there is no such state.
    """
    if state is not None and state not in STATES:
        raise ValueError(f"there is no state {state!r}, only {', '.join(STATES)}")
    listed: list[TaskStatus] = []
    states = STATES if state is None else (state,)
    async for status in walk(broker, task=task, states=states, most=LOOKED_AT):
        listed.append(status)
        if len(listed) == count:
            break
    return listed


async def walk(
    broker: Any,
    *,
    task: str | None = None,
    states: Collection[str] = STATES,
    most: int | None = None,
) -> AsyncIterator[TaskStatus]:
    """Calls one by one, in the order of :func:`calls`.

    One may be left out if others that are newer come to their end meanwhile.

    :param task: only of this task.
    :param states: only in these states.
    :param most: how many calls are looked at, at most; None: all.
    """
    names = await task_names(broker) if task is None else [task]
    indexes = [state for state in FINAL if state in states]
    if any(state not in FINAL for state in states):
        indexes.append(LIVE)
    sources = [
        _Source(Store(broker.reader(partition)), index_of(name, index))
        for partition in range(broker.partitions)
        for name in names
        for index in indexes
    ]
    heap: list[tuple[float, int]] = []
    for n, source in enumerate(sources):
        await _put(heap, n, source)
    looked_at = 0
    while heap and looked_at != most:
        _, n = heapq.heappop(heap)
        source = sources[n]
        call_id = source.take()
        looked_at += 1
        raw = await source.store.peek(record_key(call_id))
        if raw is not None:
            status = await _status(source.store, call_id, raw)
            if status.state in states:
                yield status
        await _put(heap, n, source)


class _Source:
    """The ids of one index, newest first, read a page at a time."""

    def __init__(self, store: Store, key: str) -> None:
        self.store = store
        self._key = key
        self._at = 0
        self._page: list[tuple[bytes, float]] = []

    async def head(self) -> float | None:
        """The score of the next; None when there is none."""
        if not self._page:
            start = self._at
            found = await self.store.zscored(self._key, start, start + PAGE - 1, newest_first=True)
            self._at += len(found)
            self._page = found[::-1]
        return self._page[-1][1] if self._page else None

    def take(self) -> str:
        """The next id."""
        return self._page.pop()[0].decode()


async def _put(heap: list[tuple[float, int]], n: int, source: _Source) -> None:
    score = await source.head()
    if score is not None:
        heapq.heappush(heap, (-score, n))
