"""Makes a call that has failed one that waits again, when its dead letter was put back."""

from __future__ import annotations

from typing import Any

from pipeline.errors import Conflict, UnknownCall
from pipeline.store import Store
from pipeline.tasks.states.reading import find
from pipeline.tasks.states.records import (
    LIVE,
    LIVE_FOR,
    Record,
    decoded,
    encoded,
    index_of,
    record_key,
)

__all__ = ["wait_again"]

#: How often it is tried while the call changes its state.
TRIES = 20


async def wait_again(broker: Any, call_id: str, since: float) -> bool:
    """Note that a call that had failed is queued, unless more has become of it meanwhile.

    :param since: when it was put back, in seconds since the epoch: what it has come to later stays.
    :return: whether it was noted; False also if no state of it is kept.
    :raise BrokerError: the store can't be reached.
    """
    for _ in range(TRIES):
        try:
            found = await find(broker, call_id)
        except UnknownCall:
            return False
        store = Store(broker.reader(found.partition))
        raw = await store.get(record_key(call_id))
        if raw is None or not _has_failed_before(decoded(raw), since):
            return False
        _write(store, call_id, decoded(raw))
        try:
            await store.commit()
        except Conflict:
            continue
        return True
    return False


def _has_failed_before(record: Record, since: float) -> bool:
    return record.state == "failed" and (record.ended_at or 0) <= since


def _write(store: Store, call_id: str, failed: Record) -> None:
    again = Record("queued", failed.task, failed.queue, failed.queued_at)
    store.set(record_key(call_id), encoded(again), LIVE_FOR)
    store.zrem(index_of(failed.task, "failed"), call_id)
    store.zadd(index_of(failed.task, LIVE), call_id, failed.queued_at, LIVE_FOR)
