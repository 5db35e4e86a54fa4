"""Results that are kept in the store, for who asks later."""

from __future__ import annotations

from typing import Any

from pipeline.delivery import Delivery
from pipeline.message import ResultMessage
from pipeline.store import Store

__all__ = ["keep", "kept"]


def _key(call_id: str) -> str:
    return f"task_result:{call_id}"


def keep(delivery: Delivery, answer: ResultMessage, seconds: float) -> None:
    """Stage a result to be kept; it is there when, and only if, the call is settled.

    :param delivery: the call's.
    :param seconds: until it is forgotten.
    """
    delivery.store.set(_key(answer.in_reply_to or ""), answer.to_json(), ttl=seconds)


async def kept(broker: Any, call_id: str) -> ResultMessage | None:
    """A kept result; None if there is none, yet or any more.

    :param broker: of the namespace that the call was sent into.
    :param call_id: the ``id`` of the call's handle.
    :raise BrokerError: the store can't be read.
    """
    for partition in range(broker.partitions):
        found = await Store(broker.reader(partition)).get(_key(call_id))
        if found is not None:
            return ResultMessage.from_json(found)
    return None
