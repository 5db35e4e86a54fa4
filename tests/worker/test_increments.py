"""Ten thousand messages each add one, in four workers at once, over a real server."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from pipeline.applications.base import Application
from pipeline.brokers.redis.broker import RedisBroker
from pipeline.codec import Codec
from pipeline.delivery import Post
from pipeline.message import UserMessage
from pipeline.testing.server import shared_server, unique_namespace
from pipeline.worker import Runtime

MESSAGES = 10_000


class Adding(Application):
    """Adds one to a counter, which needs no read."""

    def consume_user_message(self, message: Any) -> None:
        message._delivery.store.incr("sum")


class Rewriting(Application):
    """Reads a number, adds one, and writes it back."""

    async def consume_user_message(self, message: Any) -> None:
        store = message._delivery.store
        store.set("sum", str(int(await store.get("sum") or 0) + 1))


class Increments(TestCase):
    """However state is changed, no change is lost and none is made twice."""

    timeout = 110

    async def summed(self, cls: type[Application], op: str, in_flight: int) -> int:
        from twisted.internet import reactor

        namespace = unique_namespace()
        brokers = [RedisBroker(shared_server(), reactor, namespace=namespace) for _ in range(4)]
        await gatherResults([broker.start() for broker in brokers])
        config = {"transport_name": "sms", "max_in_flight": in_flight}
        runtimes = [Runtime(broker, Codec(), reactor, namespace) for broker in brokers]
        workers = [cls("adding", config, runtime) for runtime in runtimes]
        await self.fill(brokers[0])
        await gatherResults([worker.start_worker() for worker in workers])
        while sum((await brokers[0].depth("sms.inbound"))[:3]):
            await deferLater(reactor, 0.02)
        total = int(await brokers[0].reader().read(op, "sum"))
        self.assertEqual(0, (await brokers[0].depth("sms.inbound")).dead)
        await gatherResults([worker.stop_worker(1) for worker in workers])
        await gatherResults([broker.stop() for broker in brokers])
        return total

    async def fill(self, broker: RedisBroker) -> None:
        message = UserMessage(
            to_addr="1", from_addr="2", transport_name="sms", transport_type="sms", content="add"
        )
        post = Post("sms.inbound", Codec().encode(message))
        published: list[Deferred[None]] = [
            broker.publish([post] * 500) for _ in range(MESSAGES // 500)
        ]
        await gatherResults(published)

    async def test_incr(self) -> None:
        """Staged additions add up to exactly as many as there were messages."""
        self.assertEqual(MESSAGES, await self.summed(Adding, "count", 100))

    async def test_read_modify_write(self) -> None:
        """So does what was read, changed and written, by workers that get in each other's way."""
        self.assertEqual(MESSAGES, await self.summed(Rewriting, "get", 2))
