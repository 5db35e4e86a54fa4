"""Brokers that are broken on purpose: they settle in two steps instead of one.

The checker must catch them; a suite that can't fail proves nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.task import deferLater

from pipeline.brokers.redis.broker import RedisBroker
from pipeline.brokers.redis.layout import GROUP
from pipeline.brokers.redis.streams import RedisConsumer
from pipeline.delivery import Delivery, Settled

__all__ = ["BROKERS"]

#: Seconds between the two steps: a kill should hit there now and then.
BETWEEN = 0.05


class TwoSteps(RedisConsumer):
    """Settles in two steps."""

    async def _settle(self, deliveries: Sequence[Delivery]) -> list[Settled]:
        first, second = self.steps()
        await first(deliveries)
        await deferLater(self._clock, BETWEEN)
        await second(deliveries)
        for delivery in deliveries:
            self.in_hand.pop(delivery.id, None)
        if self._membership.suspects:
            await self.wakeable.wake()
        return [Settled.WON] * len(deliveries)

    def steps(self) -> tuple[Any, Any]:
        """What is done first, and what then."""
        raise NotImplementedError

    async def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Take the entries out of the queue."""
        ids = [delivery.id for delivery in deliveries]
        stream = self._layout.stream(self.queue)
        await self._client.execute_many([("XACK", stream, GROUP, *ids), ("XDEL", stream, *ids)])

    async def write(self, deliveries: Sequence[Delivery]) -> None:
        """Do what was staged."""
        reader = self._broker.reader(self.partition)
        for delivery in deliveries:
            if delivery.has_state:
                await reader.commit(delivery.store.checks, delivery.store.writes)
            for post in delivery.posts:
                await self._broker.publish([post], self.partition)


class AcknowledgesFirst(TwoSteps):
    """Loses what it had in between."""

    def steps(self) -> tuple[Any, Any]:
        return self.acknowledge, self.write


class WritesFirst(TwoSteps):
    """Does again what it had in between."""

    def steps(self) -> tuple[Any, Any]:
        return self.write, self.acknowledge


class LosingBroker(RedisBroker):
    """Acknowledges, then writes."""

    def consumer(
        self,
        queue: str,
        partition: int = 0,
        instance: bool = False,
        ordered: bool = False,
        limit: Any = None,
    ) -> RedisConsumer:
        return AcknowledgesFirst(self, queue, partition, instance)


class RepeatingBroker(RedisBroker):
    """Writes, then acknowledges."""

    def consumer(
        self,
        queue: str,
        partition: int = 0,
        instance: bool = False,
        ordered: bool = False,
        limit: Any = None,
    ) -> RedisConsumer:
        return WritesFirst(self, queue, partition, instance)


#: By the name that a plan calls them.
BROKERS: dict[str, type[RedisBroker]] = {
    "right": RedisBroker,
    "losing": LosingBroker,
    "repeating": RepeatingBroker,
}
