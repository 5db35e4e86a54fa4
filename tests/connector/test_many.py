"""Many messages together: with what is written with each, and what is known after an error.

What a connector does with it is in test_outgoing.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from pipeline.connector.many import Many
from pipeline.connector.publishing import Edge, Publisher
from pipeline.connector.steps import TOGETHER
from pipeline.errors import QueueFull
from pipeline.middleware.stack import MiddlewareStack
from pipeline.store import Store
from tests.workers import WorkerCase, inbound


class Together(WorkerCase):
    def many(self, edge: Edge, **options: Any) -> Many:
        publisher = Publisher("sms", self.worker(), MiddlewareStack(), ["inbound"], self, self.fail)
        return Many(publisher, "inbound", edge, **options)

    def publish(self, many: Many, count: int) -> Deferred[Any]:
        self.passed: list[Any] = []
        messages = (inbound(str(n)) for n in range(count))
        publishing = Deferred.fromCoroutine(many.publish(messages, self.passed.append))
        self.helper.advance()
        return publishing

    def test_edge(self) -> None:
        """All go to the queue that is said, and are due when it is said."""
        many = self.many(Edge(None, queue="elsewhere", delay=3))
        self.successResultOf(self.publish(many, 3))
        self.assertEqual(3, self.depth("elsewhere").delayed)
        self.assertEqual(["0", "1", "2"], [message.content for message in self.passed])
        self.assertEqual([0, 1, 2], many.stored)

    def test_writes(self) -> None:
        """What is written with a message is stored with it."""
        many = self.many(Edge(None), writes=lambda m: (("set", m.content, b"there", 0),))
        self.successResultOf(self.publish(many, 2))
        store = Store(self.broker.reader(0))
        for key in "01":
            read = Deferred.fromCoroutine(store.get(key))
            self.assertEqual(b"there", self.successResultOf(read))

    def test_stored(self) -> None:
        """After an error it is known which are stored."""
        many = self.many(Edge(None, max_depth=TOGETHER + 1))
        self.failureResultOf(self.publish(many, TOGETHER + 2), QueueFull)
        self.assertEqual(list(range(TOGETHER)), many.stored)
