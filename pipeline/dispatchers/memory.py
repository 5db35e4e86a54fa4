"""Remembers where outbound messages came from, so that events about them find back."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from pipeline.delivery import Delivery
from pipeline.store import Store

__all__ = ["RoutingMemory", "Target"]


class Target(NamedTuple):
    """Where a message goes on to.

    :param connector: one of the dispatcher's.
    :param endpoint: the endpoint there; None: the message keeps its own.
    """

    connector: str
    endpoint: str | None = None


class RoutingMemory:
    """The connector and endpoint that each outbound message came from, in the store.

    What is remembered is written together with the settlement that sends the message on, so no
    event can come before it; and every process of the dispatcher knows it, also after a restart.

    :param name: the dispatcher's; its processes share what they remember by it.
    :param seconds: for how long.
    :param broker: has the store of the other partitions.
    """

    def __init__(self, name: str, seconds: float, broker: Any) -> None:
        self._prefix = f"route:{name}:"
        self._seconds = seconds
        self._broker = broker

    def remember(self, delivery: Delivery, message_id: str, source: Target) -> None:
        """Stage where a message came from."""
        delivery.store.set(self._prefix + message_id, json.dumps(source), self._seconds)

    async def recall(self, delivery: Delivery, message_id: str) -> Target | None:
        """Where a message came from; None when nobody remembers.

        An event that was published with its message in hand is in that message's partition. One
        from the edge, as a late delivery report, may be in any, so all are asked.
        """
        key = self._prefix + message_id
        # What is written once needs no comparing when it is settled.
        known = await delivery.store.peek(key)
        for partition in range(self._broker.partitions):
            if known is not None:
                break
            if partition != delivery.partition:
                known = await Store(self._broker.reader(partition)).peek(key)
        return None if known is None else Target(*json.loads(known))
