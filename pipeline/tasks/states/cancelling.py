"""Cancels a call, and waits for one that somebody else has sent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from pipeline.connector.publishing import queue_of
from pipeline.delivery import Post
from pipeline.errors import Conflict, PipelineError, UnknownCall
from pipeline.message import ResultMessage
from pipeline.store import Store
from pipeline.tasks.results import kept
from pipeline.tasks.states.orders import cancel_field, orders_key, watch_field
from pipeline.tasks.states.reading import Found, find
from pipeline.tasks.states.records import Record, Writes, record_key, runs_key, with_run

__all__ = ["answer_from", "cancel", "ended_answer", "watch"]

#: How often a cancelling is tried while the call changes its state.
TRIES = 20


async def cancel(
    broker: Any,
    writes: Writes,
    call_id: str,
    now: float,
    encoded: Callable[[str, ResultMessage], Awaitable[bytes | None]],
) -> bool:
    """Make an end of a call, unless it has ended: of both, one is true.

    In one step the call is cancelled for good, its worker is ordered to break it off, and who waits
    is told.

    :param writes: makes the writes of states.
    :param now: seconds since the epoch.
    :param encoded: given a connector and an answer, what leaves there for who waits; None: nothing.
    :return: whether it is cancelled.
    :raise UnknownCall: nothing is known of it.
    :raise BrokerError: the store can't be reached; whether it is cancelled nobody knows.
    """
    for _ in range(TRIES):
        found = await find(broker, call_id)
        if found.record.is_final:
            return found.record.state == "cancelled"
        try:
            await _cancelled(broker, writes, call_id, found, now, encoded)
        except Conflict:
            continue
        return True
    raise PipelineError(f"the call {call_id} changes faster than it can be cancelled")


async def _cancelled(
    broker: Any, writes: Writes, call_id: str, found: Found, now: float, encoded: Any
) -> None:
    reader = broker.reader(found.partition)
    # Read apart: how far a run is may change before the commit, and that is no conflict.
    record = with_run(found.record, await Store(reader).hgetall(runs_key(call_id)))
    store = Store(reader)
    store.expect(record_key(call_id), found.raw)
    store.hset(orders_key(record.queue), {cancel_field(call_id): now})
    posts = []
    if record.reply:
        cancelled = answer_from(record.reply_id or call_id, record, "cancelled")
        answer = await encoded(record.queue, cancelled)
        if answer is not None:
            queue = f"{queue_of(record.queue, 'outbound')}@{record.reply}"
            posts.append(Post(queue, answer))
    record.state, record.ended_at, record.due_at = "cancelled", now, None
    store.writes += writes.ended(call_id, record, had_runs=True)
    await store.commit(posts)


def answer_from(call_id: str, record: Record, status: str) -> ResultMessage:
    """The answer that a call ended so, made of what its record knows."""
    error = f"{record.task} was cancelled" if status == "cancelled" else record.error
    answer = ResultMessage(in_reply_to=call_id, status=status, error=error)
    answer.transport_name, answer.transport_type = record.queue, "task"
    return answer


async def watch(broker: Any, found: Found, call_id: str, instance: str, now: float) -> None:
    """Have an instance told how a call ends."""
    store = Store(broker.reader(found.partition))
    store.hset(orders_key(found.record.queue), {watch_field(call_id, instance): now})
    await store.commit()


async def ended_answer(broker: Any, call_id: str) -> ResultMessage | None:
    """The answer of a call that has ended; None while it has not.

    :raise UnknownCall: nothing is known of it; or what it returned was not kept.
    """
    answer = await kept(broker, call_id)
    if answer is not None:
        return answer
    record = (await find(broker, call_id)).record
    if not record.is_final:
        return None
    if record.state == "finished":
        raise UnknownCall(
            f"{record.task} {call_id} has finished, and its result is not kept: give the task "
            "keep_result, or wait for it where it was sent"
        )
    return answer_from(call_id, record, record.state)
