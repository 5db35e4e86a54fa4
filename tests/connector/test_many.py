"""Many messages together: with what is written with each, and what is known after an error.

What a connector does with it is in test_outgoing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from twisted.internet.defer import Deferred

from pipeline.connector import steps
from pipeline.connector.many import Many
from pipeline.connector.publishing import Edge, Publisher
from pipeline.connector.steps import TOGETHER
from pipeline.errors import InvalidMessageField, QueueFull
from pipeline.middleware.base import BaseMiddleware
from pipeline.middleware.stack import MiddlewareStack
from pipeline.signals import message_published
from pipeline.store import Store
from tests.workers import WorkerCase, inbound


class ManyCase(WorkerCase):
    def many(self, edge: Edge, *middlewares: Any, **options: Any) -> Many:
        stack = MiddlewareStack(middlewares)
        publisher = Publisher("sms", self.worker(), stack, ["inbound"], self, self.fail)
        return Many(publisher, "inbound", edge, **options)


class Together(ManyCase):
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


class Passes(BaseMiddleware):
    """Has all messages go the longer way."""

    def handle_publish_inbound(self, message: Any, connector_name: str) -> Any:
        return message


class Alike(ManyCase):
    """Where nothing is done to a message but to encode it there is a shorter way, to the same."""

    def check(self, contents: Iterable[str], edge: Edge, wanted: Any = None) -> Many:
        """Publish on both ways, and compare all that is seen."""
        found: list[Any] = []
        contents = list(contents)
        for way, middlewares in (("short", []), ("long", [Passes("p", {}, None)])):
            many = self.many(edge._replace(queue=way), *middlewares)
            self.assertEqual(way == "short", many._is_plain)
            passed: list[Any] = []
            messages = (_message(content) for content in contents)
            ending: Any = Deferred.fromCoroutine(many.publish(messages, passed.append))
            for _ in range(20):
                self.helper.advance()
            if wanted is not None:
                self.failureResultOf(ending, wanted)
            else:
                self.successResultOf(ending)
            stored = [*self.contents(way), *self.contents(way)]
            found.append((stored, sorted(many.stored), many.passing))
            if wanted is None:
                self.assertEqual(contents, [message.content for message in passed])
        self.assertEqual(found[0], found[1])
        return many

    def test_alike(self) -> None:
        """None, few, a step, more; and so large that a step is less."""
        for count in (0, 3, TOGETHER, 2 * TOGETHER + 1):
            many = self.check(map(str, range(count)), Edge(None))
            self.assertEqual(list(range(count)), many.stored)
        self.patch(steps, "LARGE", 3000)
        self.check((str(n) * 100 for n in range(50)), Edge(None))

    def test_unencodable(self) -> None:
        """One that can't be encoded is named; steps before it are stored."""
        for at in (0, 7, TOGETHER, TOGETHER + 7):
            contents = ["odd" if n == at else str(n) for n in range(2 * TOGETHER)]
            many = self.check(contents, Edge(None), InvalidMessageField)
            self.assertEqual(at, many.passing)
            self.assertEqual(at // TOGETHER * TOGETHER, len(many.stored))

    def test_full(self) -> None:
        """A step that there is no room for is not stored, nor what would come after."""
        edge = Edge(None, max_depth=TOGETHER + 10)
        self.check(map(str, range(3 * TOGETHER)), edge, QueueFull)

    def test_otherwise(self) -> None:
        """Who is told of messages, or says more of them, has them go the longer way."""
        self.assertTrue(self.many(Edge(None))._is_plain)
        self.assertFalse(self.many(Edge(None, delay=1))._is_plain)
        self.assertFalse(self.many(Edge(None), writes=lambda message: ())._is_plain)
        message_published.connect(receiver := lambda sender, **told: None)
        self.addCleanup(message_published.disconnect, receiver)
        self.assertFalse(self.many(Edge(None))._is_plain)


def _message(content: str) -> Any:
    message = inbound(content)
    if content == "odd":
        message.extra["odd"] = object()
    return message
