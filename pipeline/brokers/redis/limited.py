"""Reading a queue no faster than its limit allows, over all processes that read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.task import deferLater

from pipeline.brokers.redis.client import Script
from pipeline.brokers.redis.layout import GROUP
from pipeline.brokers.redis.settle import Settler
from pipeline.brokers.redis.streams import BLOCK, RedisConsumer
from pipeline.delivery import Delivery, Limit

if TYPE_CHECKING:
    from pipeline.brokers.redis.broker import RedisBroker

__all__ = ["LimitedConsumer"]

_LIMITED = Script.load("position.lua", "limited.lua")


class LimitedConsumer(RedisConsumer):
    """Takes the messages of one queue in one partition within a limit.

    A script says how many may be taken and takes them, so that nothing is reserved that a process
    could die with. While nothing may be taken it sleeps: until a place in the rate is free, or
    until another is told to have settled.

    :param broker: whose consumer it is.
    :param queue: the queue's name.
    :param partition: the partition's number.
    :param limit: what all consumers of the partition may take together.
    """

    def __init__(self, broker: RedisBroker, queue: str, partition: int, limit: Limit) -> None:
        self._limit = limit
        super().__init__(broker, queue, partition, instance=False)

    def _make_settler(self, group: str, fence: bytes) -> Settler:
        about = (self._client, self._clock, self._layout, self.queue, self._offset, group, fence)
        return Settler(
            *about, self._layout.released(self.queue) if self._limit.concurrency else None
        )

    async def _take_once(self, count: int) -> list[Delivery]:
        """As any consumer; but what was taken before needs a place in the rate once more."""
        if self._limit.rate:
            await self.membership.reconcile(self._reader)
            if self._has_old():
                reply = await self._ask(1, "HELD")
                if reply[0] == b"GONE":
                    await self._join()
                    return []
                if reply[0] == b"WAIT":
                    return await self._pass_time(reply[1])
                count = 1
        return await super()._take_once(count)

    def _has_old(self) -> bool:
        membership = self.membership
        if membership.backlog:
            return True
        return bool(membership.suspects) and not any(d.probation for d in self.in_hand.values())

    async def _read(self, count: int) -> list[Delivery]:
        if self._interrupted or self.wakeable.woken:
            return []
        verdict, *found = await self._ask(count, "NEW")
        if verdict == b"GONE":
            await self._join()
            return []
        return await self._taken(verdict, *found)

    async def _taken(self, verdict: bytes, found: Any) -> list[Delivery]:
        if verdict == b"OK":
            return self._entries.deliveries(self.token, found)
        if verdict == b"WAIT":
            return await self._pass_time(found)
        of = self._stream if verdict == b"NONE" else self._layout.released(self.queue)
        return await self._wait_for_entry(of, found)

    async def _ask(self, count: int, what: str) -> Any:
        at, limit = self._layout, self._limit
        keys = [self._stream, at.taken(self.queue), at.released(self.queue)]
        args: list[Any] = [GROUP, self._broker.worker_id, count, *limit, self._offset(), what]
        return await self._reader.run(_LIMITED, keys, args)

    async def _pass_time(self, ms: int) -> list[Delivery]:
        # No longer than a read, so that the server is heard of, however long the limit's period.
        await self._wait(deferLater(self._clock, min(BLOCK, ms / 1000)))
        return []

    async def _wait_for_entry(self, stream: bytes, after: bytes) -> list[Delivery]:
        """Wait without taking anything, since that is for the script."""
        if self._interrupted or self.wakeable.woken:
            return []
        reading = self._reader.execute_blocking(
            *("XREAD", "COUNT", 1, "BLOCK", int(BLOCK * 1000)),
            *("STREAMS", stream, after),
            seconds=BLOCK,
        )
        await self.wakeable.wait(reading)
        return []
