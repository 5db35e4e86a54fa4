"""Settling: what deliveries have staged becomes true, once, in one script a batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from twisted.logger import Logger

from pipeline.brokers.redis.client import Client, Script
from pipeline.brokers.redis.layout import GROUP, Layout
from pipeline.brokers.redis.patience import run_patiently
from pipeline.brokers.redis.units import Units
from pipeline.delivery import Delivery, Settled
from pipeline.errors import ServerRefused

__all__ = ["IN_HAND", "Settler"]

SETTLE = Script.load("gone.lua", "writes.lua", "units.lua", "settle.lua")
#: A batch is capped, so that no script holds up the server for long.
MOST_DELIVERIES, MOST_BYTES = 500, 1_000_000
#: What a consumer still has in hand after it, to settle it otherwise.
IN_HAND = (Settled.CONFLICT, Settled.REFUSED)
_PLAIN = {b"1": Settled.WON, b"0": Settled.LOST, b"C": Settled.CONFLICT}
_log = Logger()


class Settler:
    """Settles the deliveries of one queue in one partition.

    :param client: the connection for commands.
    :param clock: for the pauses between tries.
    :param layout: the partition's keys.
    :param queue: the queue's name.
    :param offset: tells the time offset in ms that tests set.
    :param group: the group that the deliveries are pending in.
    :param fence: the key whose value must be their token; None: the queue's token.
    :param released: the stream that tells others of the room that they leave; None: nobody waits.
    :param stream: where they lie; None: in the queue's stream.
    :param script: what settles them: settle.lua, or another that is asked and answers alike.
    """

    def __init__(
        self,
        client: Client,
        clock: Any,
        layout: Layout,
        queue: str,
        offset: Any,
        group: str = GROUP,
        fence: bytes | None = None,
        released: bytes | None = None,
        script: Script = SETTLE,
        stream: bytes | None = None,
    ) -> None:
        self._client = client
        self._clock = clock
        self._layout = layout
        self._offset = offset
        self._group = group
        self._released = released
        self._script = script
        #: What wants nothing, or one message, has a shorter form.
        self._is_short = released is None and script is SETTLE
        self._keys = (stream or layout.stream(queue), fence or layout.token(queue))

    async def settle(self, deliveries: Sequence[Delivery]) -> list[Settled]:
        """Settle them; what became of each, in order.

        :raise BrokerUnavailable: the client has been stopped.
        """
        results: list[Settled] = []
        for batch in _batches(deliveries):
            results += await self._settle(batch)
        return results

    async def _settle(self, batch: Sequence[Delivery], again: bool = False) -> list[Settled]:
        try:
            plain, others = self._sorted(batch)
            units = self._units(others)
            head = [self._group, batch[0].token, self._offset(), len(plain)]
            replies, lost = await run_patiently(
                *(self._client, self._clock, self._script, units.keys),
                [*head, *[delivery.id for delivery in plain], *units.args],
            )
        except (ServerRefused, TypeError, ValueError) as error:
            return await self._apart(batch, error)
        if replies == [b"FENCED"]:
            return [Settled.FENCED] * len(batch)
        if not others and replies == [b"1"]:
            return [Settled.WON] * len(batch)
        if not plain:
            return [_result(*each, lost or again) for each in zip(batch, replies[1:], strict=True)]
        return _in_order(batch, plain, others, replies, lost or again)

    def _sorted(self, batch: Sequence[Delivery]) -> tuple[list[Delivery], list[Delivery]]:
        """Those that want nothing but to be acknowledged, and the others."""
        if not self._is_short:
            return [], list(batch)
        plain: list[Delivery] = []
        others: list[Delivery] = []
        for delivery in batch:
            more = delivery.posts or delivery.has_state or delivery.wait is not None
            (others if more else plain).append(delivery)
        return plain, others

    def _units(self, batch: Sequence[Delivery]) -> Units:
        units = Units(self._layout, self._keys, self._is_short)
        for delivery in batch:
            units.add_delivery(delivery, self._released)
        return units

    async def _apart(self, batch: Sequence[Delivery], error: Exception) -> list[Settled]:
        """One of them broke the script, or can't be sent: find it, so that the others are settled.

        What came before it in the script may have been settled.
        """
        if len(batch) > 1:
            half = len(batch) // 2
            again = isinstance(error, ServerRefused)
            first = await self._settle(batch[:half], again)
            return first + await self._settle(batch[half:], again)
        _log.error("{delivery} can't be settled: {why}", delivery=batch[0], why=str(error))
        batch[0].refusal = str(error) or type(error).__name__
        return [Settled.REFUSED]


def _in_order(
    batch: Sequence[Delivery],
    plain: Sequence[Delivery],
    others: Sequence[Delivery],
    replies: Sequence[bytes],
    lost: bool,
) -> list[Settled]:
    """What became of each, in the order of the batch."""
    acked, *rest = replies
    if acked == b"1":
        acked *= len(plain)
    each = [*zip(plain, (acked[at : at + 1] for at in range(len(plain))), strict=True)]
    each += zip(others, rest, strict=True)
    results = {id(delivery): _result(delivery, reply, lost) for delivery, reply in each}
    return [results[id(delivery)] for delivery in batch]


def _result(delivery: Delivery, reply: bytes, lost: bool) -> Settled:
    result = _PLAIN.get(reply)
    if result is Settled.LOST and lost:
        return Settled.WON
    if result is not None:
        return result
    delivery.refusal = reply[2:].decode("utf-8", "replace")
    return Settled.REFUSED if reply.startswith(b"E") else Settled.TORN


def _batches(deliveries: Sequence[Delivery]) -> Iterator[Sequence[Delivery]]:
    batch: list[Delivery] = []
    token, size = b"", 0
    for delivery in deliveries:
        more = _size(delivery) if delivery.posts or delivery.has_state else 0
        full = len(batch) == MOST_DELIVERIES or size + more > MOST_BYTES
        if batch and (full or delivery.token != token):
            yield batch
            batch, size = [], 0
        batch.append(delivery)
        token, size = delivery.token, size + more
    if batch:
        yield batch


def _size(delivery: Delivery) -> int:
    size = 0
    for post in delivery.posts:
        size += len(post.payload)
    if delivery.has_state:
        for write in delivery.store.writes:
            for part in write:
                if type(part) is bytes:
                    size += len(part)
    return size
