"""Attempts that failed while their message stays in hand, and so in its place in the order.

A message that is retried in the usual way is a new entry, with its attempt in a field. One that
holds its place can't be changed: what is new about it is noted beside the stream, under its id, and
goes when it is settled.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pipeline.brokers.redis.client import Client, Script
from pipeline.brokers.redis.layout import GROUP, Layout
from pipeline.brokers.redis.patience import run_patiently
from pipeline.delivery import Delivery, Settled
from pipeline.errors import ServerRefused

__all__ = ["Notes"]

_POSTPONE = Script.load("postpone.lua")
_RESULTS = {b"1": Settled.WON, b"0": Settled.LOST, b"FENCED": Settled.FENCED}
#: Seconds without a new note after which those of a queue are forgotten.
KEPT = 30 * 86_400


class Notes:
    """The notes of one queue in one partition.

    :param client: the connection for commands.
    :param clock: tells until when a delivery waits.
    :param layout: the partition's keys.
    :param queue: the queue's name.
    :param offset: tells the time offset in ms that tests set.
    :param fence: the key whose value is the token of what is in hand.
    """

    def __init__(
        self,
        client: Client,
        clock: Any,
        layout: Layout,
        queue: str,
        offset: Callable[[], int],
        fence: bytes,
    ) -> None:
        self._client = client
        self._clock = clock
        self._offset = offset
        self._keys = [layout.stream(queue), fence, layout.notes(queue)]

    async def write(self, delivery: Delivery, attempt: int, history: bytes, delay: int) -> Settled:
        """Note it; see :meth:`pipeline.interfaces.IConsumer.postpone`."""
        args = [GROUP, delivery.token, delivery.id, attempt, history, delay, self._offset(), KEPT]
        try:
            reply, _ = await run_patiently(self._client, self._clock, _POSTPONE, self._keys, args)
        except ServerRefused as error:
            if error.code != "NOGROUP":
                raise
            return Settled.FENCED
        if reply == b"1":
            self._set(delivery, attempt, history, delay)
        return _RESULTS[reply]

    async def read(self, deliveries: Sequence[Delivery]) -> None:
        """Complete deliveries that were taken over with what was noted about them.

        :raise BrokerUnavailable: no answer.
        """
        if not deliveries:
            return
        ids = [delivery.id for delivery in deliveries]
        found, time = await self._client.execute_many([("HMGET", self._keys[2], *ids), ("TIME",)])
        for reply in (found, time):
            if isinstance(reply, ServerRefused):
                raise reply
        now = int(time[0]) * 1000 + int(time[1]) // 1000 + self._offset()
        for delivery, note in zip(deliveries, found, strict=True):
            if note is not None:
                attempt, due, history = note.split(b" ", 2)
                self._set(delivery, int(attempt), history, int(due) - now)

    def _set(self, delivery: Delivery, attempt: int, history: bytes, delay: int) -> None:
        delivery.attempt = attempt
        delivery.history = history
        delivery.wait = self._clock.seconds() + max(0, delay) / 1000
