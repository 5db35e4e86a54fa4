"""A worker over the memory broker, on a Clock, for the tests of what works with connectors."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from pipeline.brokers.memory import MemoryBroker
from pipeline.codec import Codec, Undecodable
from pipeline.connector import Connector
from pipeline.delivery import DeadLetterEntry, Delivery, Depth, Post
from pipeline.message import EventMessage, UserMessage
from pipeline.middleware.stack import MiddlewareStack
from pipeline.worker import Runtime, Worker


def inbound(content: str = "hi", **fields: Any) -> UserMessage:
    """A message of a user."""
    given = {"to_addr": "1234", "from_addr": "+27", "transport_name": "sms", **fields}
    return UserMessage(transport_type="sms", content=content, **given)


def nack(message: UserMessage) -> EventMessage:
    """An event that says that a message was not sent."""
    return EventMessage(
        user_message_id=message.message_id, event_type="nack", nack_reason="no money"
    )


class Bare(Worker):
    """A worker without parts of its own, with middleware given as objects."""

    def stand_behind(self, *middlewares: Any) -> None:
        """Have connectors made from now on pass messages through these."""
        self._stack = MiddlewareStack(middlewares)


class WorkerCase(TestCase):
    """Has a broker, a clock, and another broker on the same server that looks on."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1_000_000)
        self.broker = MemoryBroker(self.clock, **self.broker_options())
        self.looker = MemoryBroker(self.clock, server=self.broker.server, **self.broker_options())
        self.broker.start()
        self.looker.start()
        self.codec = Codec()
        self.runtime = Runtime(self.broker, self.codec, self.clock, "test")

    def broker_options(self) -> dict[str, Any]:
        """What the brokers are made with."""
        return {}

    def worker(self, cls: type[Worker] = Bare, **options: Any) -> Any:
        """A worker that is not started."""
        options = {"retry": {"jitter": 0, "attempts": 3}, **options}
        return cls("worker", options, self.runtime)

    def connector(
        self,
        *middlewares: Any,
        consumes: Any = ("inbound", "event"),
        publishes: Any = ("outbound",),
        **options: Any,
    ) -> Connector:
        """A connector ``sms`` that is started and reads."""
        maker = self.worker(**options)
        maker.stand_behind(*middlewares)
        made: Connector = maker.setup_connector("sms", consumes, publishes)
        self.successResultOf(Deferred.fromCoroutine(made.start()))
        made.unpause()
        self.addCleanup(self.stop, made)
        return made

    def stop(self, connector: Connector) -> None:
        """Stop a connector at once."""
        stopping = Deferred.fromCoroutine(connector.stop(0))
        for _ in range(10):
            self.clock.advance(1)
        self.successResultOf(stopping)

    def put(self, queue: str, *messages: Any, partition: int = 0) -> None:
        """Publish messages, or bytes, and let a turn pass."""
        posts = [
            Post(queue, each if isinstance(each, bytes) else self.codec.encode(each))
            for each in messages
        ]
        self.successResultOf(self.looker.publish(posts, partition=partition))
        self.clock.advance(0)

    def taken(self, queue: str, partition: int = 0) -> list[Delivery]:
        """Take all that waits in a queue, decoded."""
        consumer = self.looker.consumer(queue, partition)
        taking = consumer.take(1000)
        consumer.interrupt()
        deliveries: list[Delivery] = self.successResultOf(taking)
        for delivery in deliveries:
            message = self.codec.decode(delivery.payload)
            delivery.message = None if isinstance(message, Undecodable) else message
        self.successResultOf(consumer.settle(deliveries))
        return deliveries

    def contents(self, queue: str) -> list[Any]:
        """The contents of all messages that wait in a queue; they are taken."""
        return [delivery.message.content for delivery in self.taken(queue)]

    def depth(self, queue: str) -> Depth:
        """How much is in a queue."""
        depth: Depth = self.successResultOf(self.looker.depth(queue))
        return depth

    def dead(self, queue: str) -> list[DeadLetterEntry]:
        """The dead letters of a queue."""
        entries: list[DeadLetterEntry] = self.successResultOf(self.looker.dead(queue))
        return entries
