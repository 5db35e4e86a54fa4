"""Workers and bare connectors in memory, for the tests of what connectors are made of.

Tests of workers as a whole use :mod:`pipeline.testing` itself.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from pipeline.codec import Undecodable
from pipeline.connector import Connector
from pipeline.delivery import DeadLetterEntry, Delivery, Depth, Post
from pipeline.message import EventMessage, UserMessage
from pipeline.middleware.stack import MiddlewareStack
from pipeline.testing import InMemory, MessageHelper, WorkerHelper
from pipeline.worker import Worker

_messages = MessageHelper(mobile_addr="+27", transport_addr="1234")


def inbound(content: str | None = "hi", **fields: Any) -> UserMessage:
    """A message of a user."""
    return _messages.make_inbound(content, **fields)


def nack(message: UserMessage) -> EventMessage:
    """An event that says that a message was not sent."""
    return _messages.make_nack(message, nack_reason="no money")


class Bare(Worker):
    """A worker without parts of its own, with middleware given as objects."""

    def stand_behind(self, *middlewares: Any) -> None:
        """Have connectors made from now on pass messages through these."""
        self._stack = MiddlewareStack(middlewares)


class WorkerCase(TestCase):
    """Has a helper, a process of its own, and the broker of another that looks on."""

    def setUp(self) -> None:
        self.helper = WorkerHelper("sms", place=InMemory(**self.broker_options()))
        self.addCleanup(self.helper.cleanup)
        place = self.helper.place
        self.clock, self.codec = place.clock, place.codec
        self.runtime = self.helper.now(place.runtime())
        self.broker = self.runtime.broker
        self.looker = self.helper.now(place.traffic.outside()).broker

    def broker_options(self) -> dict[str, Any]:
        """What the brokers are made with."""
        return {}

    def worker(self, cls: type[Worker] = Bare, **options: Any) -> Any:
        """A worker that is not started."""
        options = {"retry": {"jitter": 0, "attempts": 3}, **options}
        return cls("worker", options, self.runtime)

    def running(self, cls: type[Worker], **options: Any) -> Any:
        """A worker that runs until the test ends."""
        options = {"retry": {"attempts": 3}, **options}
        return self.helper.get_worker(cls, options, name="worker", runtime=self.runtime).now()

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
        self.helper.now(connector.stop(0))

    def put(self, queue: str, *messages: Any, partition: int = 0) -> None:
        """Publish messages, or bytes, together, and let all happen that happens at once."""
        posts = [
            Post(queue, each if isinstance(each, bytes) else self.codec.encode(each))
            for each in messages
        ]
        self.successResultOf(self.looker.publish(posts, partition=partition))
        self.helper.advance()

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
        return self.helper.depth(queue).now()

    def dead(self, queue: str) -> list[DeadLetterEntry]:
        """The dead letters of a queue."""
        return [letter.entry for letter in self.helper.dead(queue)]
