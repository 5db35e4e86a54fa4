"""The broker on Redis keeps the contract, and what is its own."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import TestCase
from zope.interface.verify import verifyObject

from pipeline.interfaces import IBroker, IConsumer, IReader
from pipeline.testing.contracts import BrokerContract
from tests.brokers.redis.bench import RedisBench, RedisCase


class RedisContract(RedisBench, BrokerContract, TestCase):
    """What every broker promises."""

    @property
    def OWN_SERVER(self) -> bool:  # type: ignore[override]
        return "memory" in self._testMethodName

    async def limit_memory(self) -> bool:
        self.limit()
        return True


class Interfaces(RedisCase):
    async def test_interfaces(self) -> None:
        """Broker, consumer and reader are what the interfaces say."""
        broker: Any = self.broker()
        verifyObject(IBroker, broker)
        verifyObject(IConsumer, broker.consumer("work.inbound"))
        verifyObject(IReader, broker.reader())
