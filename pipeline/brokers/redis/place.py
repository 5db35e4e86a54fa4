"""The messages of one queue in one partition, as an operator meets them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from zope.interface import implementer

from pipeline.brokers.redis.entries import Entries
from pipeline.brokers.redis.layout import GROUP
from pipeline.brokers.redis.notes import Notes
from pipeline.brokers.redis.patience import ask_at_once
from pipeline.brokers.redis.script import Script
from pipeline.brokers.redis.settle import Settler
from pipeline.brokers.redis.units import parts_of
from pipeline.delivery import Delivery, Settled
from pipeline.errors import ServerRefused
from pipeline.interfaces import IPlace
from pipeline.operating import Found

if TYPE_CHECKING:
    from pipeline.brokers.redis.broker import RedisBroker

__all__ = ["RedisPlace"]

_WAITING = Script.load("position.lua", "waiting.lua")
_DRAIN = Script.load("gone.lua", "writes.lua", "units.lua", "position.lua", "drain.lua")
#: How many bytes end a page, so that large messages don't fill the memory.
PAGE_BYTES = 1024 * 1024
#: How many messages that are delayed, or in hand, are read at once: each may be large.
AT_ONCE = 20


@implementer(IPlace)
class RedisPlace:
    """Looks without taking.

    :param broker: whose queue it is.
    :param queue: the queue's name.
    :param partition: the partition's number.
    """

    def __init__(self, broker: RedisBroker, queue: str, partition: int) -> None:
        self._broker = broker
        self._client = broker.client
        self._queue = queue
        self._partition = partition
        self._layout = broker.layouts[partition]
        self._stream = self._layout.stream(queue)
        self._token = self._layout.token(queue)
        self._entries = Entries(queue, partition, broker.reader(partition))

    # Looking -----------------------------------------------------------------------------------

    def waiting(self, start: str = "-", count: int = 100) -> Deferred[list[Found]]:
        """See :meth:`pipeline.interfaces.IPlace.waiting`."""
        return Deferred.fromCoroutine(self._waiting(start, count))

    async def _waiting(self, start: str, count: int) -> list[Found]:
        keys = [self._stream, self._token]
        args = (GROUP, start, count, PAGE_BYTES)
        token, *entries = await self._client.run(_WAITING, keys, args)
        make = self._entries.delivery
        return [Found(make(token, id, values), since=_ms(id)) for id, values in entries]

    def newest(self) -> Deferred[str]:
        """See :meth:`pipeline.interfaces.IPlace.newest`."""
        return Deferred.fromCoroutine(self._newest())

    async def _newest(self) -> str:
        found = await self._client.execute("XREVRANGE", self._stream, "+", "-", "COUNT", 1)
        return found[0][0].decode() if found else "-"

    def delayed(self, start: int = 0, count: int = 100) -> Deferred[list[Found]]:
        """See :meth:`pipeline.interfaces.IPlace.delayed`."""
        return Deferred.fromCoroutine(self._delayed(start, count))

    async def _delayed(self, start: int, count: int) -> list[Found]:
        key, end = self._layout.delayed(self._queue), start + min(count, AT_ONCE) - 1
        token, flat = await ask_at_once(
            self._client, ("GET", self._token), ("ZRANGE", key, start, end, "WITHSCORES")
        )
        return [
            self._later(token or b"", member, int(float(due)))
            for member, due in zip(flat[::2], flat[1::2], strict=True)
        ]

    def _later(self, token: bytes, member: bytes, due: int) -> Found:
        values = parts_of(member) or [b"m", member]
        delivery = self._entries.delivery(token, b"0-0", values)
        delivery.id = member
        return Found(delivery, since=delivery.enqueued_at, due=due)

    def in_hand(self, start: str = "-", count: int = 100) -> Deferred[list[Found]]:
        """See :meth:`pipeline.interfaces.IPlace.in_hand`."""
        return Deferred.fromCoroutine(self._in_hand(start, count))

    async def _in_hand(self, start: str, count: int) -> list[Found]:
        now, token, *_ = await ask_at_once(self._client, ("TIME",), ("GET", self._token))
        try:
            pending = await self._client.execute(
                "XPENDING", self._stream, GROUP, start, "+", min(count, AT_ONCE)
            )
        except ServerRefused as error:
            if error.code != "NOGROUP":
                raise
            return []  # nobody ever read it
        return await self._held(pending, int(now[0]) * 1000 + int(now[1]) // 1000, token or b"")

    async def _held(self, pending: list[Any], now: int, token: bytes) -> list[Found]:
        replies = await ask_at_once(
            self._client, *(("XRANGE", self._stream, id, id) for id, _, _, _ in pending), ("PING",)
        )
        found = [
            Found(
                self._entries.delivery(token, id, entry[0][1]),
                since=now - idle,
                worker=worker.decode("utf-8", "replace"),
            )
            for (id, worker, idle, _), entry in zip(pending, replies, strict=False)
            if entry
        ]
        await self._notes().read([each.delivery for each in found])
        return found

    def _notes(self) -> Notes:
        broker = self._broker
        return Notes(
            *(broker.client, broker.clock, self._layout, self._queue),
            *(self._offset, self._token),
        )

    def _offset(self) -> int:
        return self._broker.time_offset_ms

    # Throwing away -----------------------------------------------------------------------------

    def purge(self, deliveries: Sequence[Delivery]) -> Deferred[list[Settled]]:
        """See :meth:`pipeline.interfaces.IPlace.purge`."""
        return Deferred.fromCoroutine(self._drain(deliveries, self._stream, GROUP))

    def purge_delayed(self, deliveries: Sequence[Delivery]) -> Deferred[list[Settled]]:
        """See :meth:`pipeline.interfaces.IPlace.purge_delayed`."""
        key = self._layout.delayed(self._queue)
        return Deferred.fromCoroutine(self._drain(deliveries, key, ""))

    async def _drain(self, deliveries: Sequence[Delivery], key: bytes, group: str) -> list[Settled]:
        broker = self._broker
        settler = Settler(
            *(broker.client, broker.clock, self._layout, self._queue, self._offset),
            group=group,
            script=_DRAIN,
            stream=key,
        )
        return await settler.settle(deliveries)


def _ms(id: bytes) -> int:
    return int(id.partition(b"-")[0])
