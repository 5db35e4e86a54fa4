"""Ends a call whose message is thrown away while it waits."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from pipeline.connector.publishing import queue_of
from pipeline.delivery import Delivery, Post
from pipeline.message import ResultMessage, TaskMessage
from pipeline.store import Store
from pipeline.tasks.chain import FIELD as CHAIN
from pipeline.tasks.chain import address
from pipeline.tasks.schedule.slot import ended
from pipeline.tasks.states.orders import cancel_field, orders_key, watch_field
from pipeline.tasks.states.records import Writes, decoded, record_key, waiting_for
from pipeline.tasks.unique import give_up

__all__ = ["stage_end", "watchers"]

#: What who waits for the call is told.
WHY = "it was purged from its queue"

Leaving = Callable[[str, ResultMessage], Awaitable[bytes | None]]


async def stage_end(
    delivery: Delivery,
    message: TaskMessage,
    writes: Writes | None,
    now: float,
    watched: list[str],
    leaving: Leaving,
) -> None:
    """Stage all that belongs to the end of a call, to be true when its message is thrown away.

    It is cancelled: its state says so, who waits is told, and other calls that waited for the end
    of this one may be sent: those that are unique, and the next of a schedule.

    :param delivery: of its message, which nobody has taken.
    :param writes: makes the writes of states; None: none are kept.
    :param now: seconds since the epoch.
    :param watched: the instances that wait elsewhere, see :func:`watchers`.
    :param leaving: given a connector and an answer, what leaves there for who waits; None: nothing.
    """
    store, call_id = delivery.store, message.message_id
    queue = message.transport_name or delivery.queue.rpartition(".")[0]
    is_over = await _end_record(store, call_id, writes, now)
    instances = [] if is_over else [waiting_for(message)[0], *watched]
    for instance in dict.fromkeys(filter(None, instances)):
        answer = await leaving(queue, _answer(message, queue))
        if answer is not None:
            delivery.stage(Post(f"{queue_of(queue, 'outbound')}@{instance}", answer))
    told = (watch_field(call_id, instance) for instance in watched)
    store.hdel(orders_key(queue), cancel_field(call_id), *told)
    ended(message, delivery)
    await give_up(message, store)


async def _end_record(store: Store, call_id: str, writes: Writes | None, now: float) -> bool:
    """Stage that a call's record says cancelled; whether it had ended before, and all are told."""
    raw = await store.get(record_key(call_id))
    if raw is None or writes is None:
        return False
    record = decoded(raw)
    if record.is_final:
        return True
    record.state, record.ended_at, record.due_at, record.error = "cancelled", now, None, WHY
    store.writes += writes.ended(call_id, record, had_runs=True)
    return False


def _answer(message: TaskMessage, queue: str) -> ResultMessage:
    answer = message.cancelled(WHY)
    answer.transport_name, answer.transport_type = queue, "task"
    if CHAIN in message.extra:
        address(answer, message)
    return answer


async def watchers(broker: Any, partition: int, queue: str) -> dict[str, list[str]]:
    """The instances that wait for the ends of calls that others have sent, by call.

    :param queue: the connector's name.
    """
    orders = await Store(broker.reader(partition)).hgetall(orders_key(queue))
    found: dict[str, list[str]] = {}
    for field in orders:
        kind, _, rest = field.decode().partition(":")
        if kind == "w":
            call_id, _, instance = rest.partition(":")
            found.setdefault(call_id, []).append(instance)
    return found
