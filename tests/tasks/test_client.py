"""Tests of pipeline.tasks.client."""

from __future__ import annotations

import gc
from typing import Any

from twisted.internet.defer import Deferred

from pipeline.delivery import Delivery, current
from pipeline.errors import BrokerUnavailable, Drop, PipelineError, Respond, ResultTimeout
from pipeline.middleware.base import BaseMiddleware
from pipeline.middleware.stack import MiddlewareStack
from pipeline.tasks.client import Client
from pipeline.tasks.handle import TaskHandle
from pipeline.tasks.registry import task
from tests.tasks import jobs
from tests.workers import WorkerCase


@task(name="tests.tasks.test_client.forgotten", queue="work", ignore_result=True)
async def forgotten(n: int) -> int:
    return n


class Refuses(BaseMiddleware):
    """Raises something for every call."""

    error: Exception

    def handle_publish_inbound(self, message: Any, connector_name: str) -> Any:
        raise self.error


class Answers(BaseMiddleware):
    """Answers every call by itself."""

    def handle_publish_inbound(self, message: Any, connector_name: str) -> Any:
        raise Respond(message.result("cached"))


class ClientCase(WorkerCase):
    """Has a client, and a queue ``work.inbound`` that nobody reads."""

    def setUp(self) -> None:
        super().setUp()
        self.client = self.make()

    def make(self, *middlewares: Any) -> Client:
        """A client that is stopped at the end."""
        client = Client(self.runtime, MiddlewareStack(middlewares))
        self.addCleanup(lambda: self.successResultOf(Deferred.fromCoroutine(client.stop())))
        return client

    def send(self, *args: Any, client: Client | None = None) -> Deferred[TaskHandle]:
        """Send a call of add."""
        return Deferred.fromCoroutine((client or self.client).send(jobs.add, args))

    def result(self, handle: TaskHandle, timeout: float | None = None) -> Deferred[Any]:
        """Wait for its result."""
        return Deferred.fromCoroutine(handle.result(timeout))


class Sending(ClientCase):
    """What is sent, and what is not."""

    def test_sent(self) -> None:
        """A call lies in its task's queue, and says where the result is awaited."""
        handle = self.successResultOf(self.send(1, 2))
        (delivery,) = self.taken("work.inbound")
        message = delivery.message
        self.assertEqual((handle.id, jobs.add.name), (message.message_id, message.task))
        self.assertEqual(([1, 2], {}), (message.args, message.kwargs))
        self.assertEqual("work", message.transport_name)
        instance = self.client.instance
        self.assertEqual(
            (instance, instance), (message.reply_to, message.transport_metadata["reply_instance"])
        )

    def test_ignored(self) -> None:
        """A call whose result is ignored says of nobody that he waits; nor can its sender."""
        handle = self.successResultOf(Deferred.fromCoroutine(self.client.send(forgotten, [1])))
        (delivery,) = self.taken("work.inbound")
        self.assertIsNone(delivery.message.reply_to)
        self.assertFalse(delivery.message.is_awaited)
        error = self.failureResultOf(self.result(handle), RuntimeError)
        self.assertIn("ignore_result", error.getErrorMessage())
        answered = self.make(Answers("a", {}, None)).send(forgotten, [1])
        self.assertTrue(self.successResultOf(Deferred.fromCoroutine(answered)).done)

    def test_refused(self) -> None:
        """A call that doesn't fit is not sent."""
        self.failureResultOf(self.send(), TypeError)
        self.failureResultOf(self.send(object()), TypeError)
        self.assertEqual(0, self.depth("work.inbound").waiting)

    def test_staged(self) -> None:
        """With a delivery in hand the call is staged, asks for no answer, and can't be awaited."""
        delivery = Delivery("sms.inbound", b"1-0", b"")
        token = current.set(delivery)
        try:
            handle = self.successResultOf(self.send(1))
        finally:
            current.reset(token)
        (post,) = delivery.posts
        self.assertEqual("work.inbound", post.queue)
        self.assertEqual(None, self.codec.decode(post.payload).reply_to)
        self.failureResultOf(self.result(handle), RuntimeError)

    def test_away(self) -> None:
        """Without a broker the sender learns it, and the next call tries anew."""
        self.broker.stop()
        self.failureResultOf(self.send(1), BrokerUnavailable)
        self.broker.start()
        self.successResultOf(self.send(1))

    def test_dropped(self) -> None:
        """A call that middleware drops is an error, since nobody would ever answer."""
        refuses = Refuses("refuses", {}, None)
        refuses.error = Drop("no")
        self.failureResultOf(self.send(1, client=self.make(refuses)), PipelineError)

    def test_answered_by_middleware(self) -> None:
        """What middleware answers instead is the result."""
        handle = self.successResultOf(self.send(1, client=self.make(Answers("a", {}, None))))
        self.assertEqual("cached", self.successResultOf(self.result(handle)))


class Results(ClientCase):
    """Results come over the client's own queue."""

    def _answer(self, *values: Any) -> None:
        for delivery, value in zip(self.taken("work.inbound"), values, strict=True):
            self.put(f"work.outbound@{self.client.instance}", delivery.message.result(value))

    def test_each_its_own(self) -> None:
        """Every handle gets the result of its own call."""
        first, second = self.successResultOf(self.send(1)), self.successResultOf(self.send(2))
        waiting = [self.result(second), self.result(first)]
        self._answer("one", "two")
        self.assertEqual(["two", "one"], [self.successResultOf(each) for each in waiting])

    def test_late(self) -> None:
        """A result that comes after the timeout is still there for who asks again."""
        handle = self.successResultOf(self.send(1))
        waiting = self.result(handle, 5)
        self.clock.advance(5)
        self.failureResultOf(waiting, ResultTimeout)
        self._answer("late")
        self.assertEqual("late", self.successResultOf(self.result(handle)))

    def test_nobody_asks(self) -> None:
        """What nobody holds a handle for is taken off the queue and forgotten."""
        self.successResultOf(self.send(1))
        gc.collect()
        self._answer("unwanted")
        queue = f"work.outbound@{self.client.instance}"
        self.assertEqual((0, 0), self.depth(queue)[:2])

    def test_noise(self) -> None:
        """What is no result is logged, and breaks nothing."""
        handle = self.successResultOf(self.send(1))
        self.put(f"work.outbound@{self.client.instance}", b"\xff")
        self._answer("fine")
        self.assertEqual("fine", self.successResultOf(self.result(handle)))
