"""Many calls of a task together: of each becomes what would alone, or it is said of which not."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred

from pipeline.brokers.memory import MemoryBroker
from pipeline.connector.steps import TOGETHER
from pipeline.delivery import Delivery, current
from pipeline.errors import Drop, NotAllSent, QueueFull, Respond
from pipeline.middleware.base import BaseMiddleware
from pipeline.signals import message_published, task_queued
from pipeline.tasks.client import Client
from pipeline.tasks.handle import TaskHandle
from pipeline.tasks.options import SendOptions
from pipeline.tasks.registry import Task, task
from tests.tasks import jobs, limited_jobs
from tests.tasks.test_client import ClientCase, forgotten


@task(name="tests.tasks.test_many.urgent", queue="work", priority="high", ttl=60)
async def urgent(n: int) -> None: ...


class Picks(BaseMiddleware):
    """Drops, answers or can't bear some calls, by their first argument."""

    def handle_publish_inbound(self, message: Any, connector_name: str) -> Any:
        match message.args[0]:
            case "drop":
                raise Drop("so")
            case "answer":
                raise Respond(message.result("cached"))
            case "bad":
                raise ValueError("so")
        message.helper_metadata["seen"] = True
        return message


class ManyCase(ClientCase):
    def many(
        self,
        calls: Any,
        task: Task[Any, Any] = jobs.add,
        client: Client | None = None,
        **options: Any,
    ) -> Deferred[list[TaskHandle]]:
        """Send many calls; time passes."""
        given = SendOptions(**options) if options else None
        sending = Deferred.fromCoroutine((client or self.client).send_many(task, calls, given))
        for _ in range(5):
            self.helper.advance()
        return sending

    def calls(self, queue: str = "work.inbound") -> list[Any]:
        return [delivery.message for delivery in self.taken(queue)]


class Together(ManyCase):
    """What is sent."""

    def test_alike(self) -> None:
        """Each call lies in the queue as if it was sent alone, and each has its handle."""
        alone = self.successResultOf(self.send(1, 2))
        handles = self.successResultOf(self.many([(1, 2), [1, 2], {"a": 1, "b": 2}, jobs.add.s(1)]))
        first, *rest = (message.payload for message in self.calls())
        self.assertEqual([alone.id, *(h.id for h in handles)], [first["message_id"], *_ids(rest)])
        for payload in rest[:2]:
            differing = {"message_id": first["message_id"], "timestamp": first["timestamp"]}
            self.assertEqual(first, {**payload, **differing})
        self.assertEqual(([], {"a": 1, "b": 2}), (rest[2]["args"], rest[2]["kwargs"]))
        self.assertEqual([1], rest[3]["args"])

    def test_nothing(self) -> None:
        """Of no calls nothing becomes."""
        self.assertEqual([], self.successResultOf(self.many([])))

    def test_steps(self) -> None:
        """More than fit in a step keep their order."""
        count = TOGETHER + 7
        handles = self.successResultOf(self.many((n,) for n in range(count)))
        calls = self.calls()
        self.assertEqual(list(range(count)), [message.args[0] for message in calls])
        self.assertEqual([handle.id for handle in handles], [call.message_id for call in calls])

    def test_options(self) -> None:
        """Options are each call's; a task's own queue and time to live hold."""
        self.successResultOf(self.many([[1], [2]], delay=30, key="k", retries=2))
        self.assertEqual(2, self.depth("work.inbound").delayed)
        self.clock.advance(30)
        for message in self.calls():
            self.assertEqual("k", message.from_addr)
            self.assertEqual({"retries": 2}, message.helper_metadata["task_options"])
        alone = self.successResultOf(Deferred.fromCoroutine(self.client.send(urgent, [1])))
        self.successResultOf(self.many([[1]], urgent))
        first, second = self.calls(str(urgent.own_queue))
        self.assertEqual(alone.id, first.message_id)
        self.assertEqual(first.extra, second.extra)

    def test_results(self) -> None:
        """Results come to their handles; a task that is not answered says so."""
        handles = self.successResultOf(self.many([[1], [2]]))
        for delivery, value in zip(self.taken("work.inbound"), "ab", strict=True):
            self.put(f"work.outbound@{self.client.instance}", delivery.message.result(value))
        for handle, value in zip(handles, "ab", strict=True):
            self.assertEqual(value, self.successResultOf(self.result(handle)))
        [handle] = self.successResultOf(self.many([[1]], forgotten))
        self.assertIsNone(self.calls()[0].reply_to)
        self.failureResultOf(self.result(handle), RuntimeError)

    def test_states(self) -> None:
        """The state of each is kept."""
        for handle in self.successResultOf(self.many([[1], [2]])):
            status = self.successResultOf(Deferred.fromCoroutine(handle.status()))
            self.assertEqual(("queued", jobs.add.name), (status.state, status.task))

    def test_told(self) -> None:
        """Receivers are told of each, when all are stored."""
        told: list[Any] = []

        def tell(sender: Any, message: Any, **_: Any) -> None:
            told.append((message.args[0], self.depth("work.inbound").waiting))

        for signal in (message_published, task_queued):
            signal.connect(tell)
            self.addCleanup(signal.disconnect, tell)
        self.successResultOf(self.many([[1], [2]]))
        self.assertEqual([(1, 2), (2, 2)] * 2, told)

    def test_staged(self) -> None:
        """With a delivery in hand they are staged."""
        delivery = Delivery("sms.inbound", b"1-0", b"")
        token = current.set(delivery)
        try:
            handles = self.successResultOf(self.many([[1], [2]]))
        finally:
            current.reset(token)
        staged = [self.codec.decode(post.payload) for post in delivery.posts]
        self.assertEqual([handle.id for handle in handles], _ids(m.payload for m in staged))

    def test_unique(self) -> None:
        """Those of a unique task are sent once; the second has the handle of the first."""
        first, second, other = self.successResultOf(
            self.many([[1], [1], [2]], limited_jobs.only, retries=1)
        )
        self.assertEqual((True, False, True), (first.is_new, second.is_new, other.is_new))
        self.assertEqual(first.id, second.id)
        self.assertEqual(2, self.depth("work.inbound").waiting)


class NotAll(ManyCase):
    """What is not sent, and how that is said."""

    def test_misfit(self) -> None:
        """Of calls that don't all fit none is sent; the first that doesn't is named."""
        for calls, why in (
            ([[1], []], r"calls\[1\]: .*argument 'a' is missing.*none was sent"),
            ([[1], [2], [object()]], r"calls\[2\]: .*argument 'a' can't travel"),
            (["ab"], r"calls\[0\]: .*a list or a tuple of arguments, .* got 'ab'"),
            ([3], r"calls\[0\]: .* got 3"),
            ([jobs.flaky.s(1)], r"calls\[0\]: it is a call of .*flaky, not of .*add"),
        ):
            failure = self.failureResultOf(self.many(calls), TypeError)
            self.assertRegex(failure.getErrorMessage(), why)
        self.failureResultOf(self.many([[1], [1, 2, 3]], limited_jobs.only), TypeError)
        self.assertEqual(0, self.depth("work.inbound").waiting)

    def test_dropped(self) -> None:
        """Those that middleware drops are told in the end; what it answers is the result."""
        client = self.make(Picks("p", {}, None))
        calls = [["a"], ["drop"], ["answer"], ["b"]]
        error = self.failureResultOf(self.many(calls, client=client), NotAllSent).value
        self.assertIn("middleware dropped 1 of 4 calls: calls[1]", str(error))
        self.assertEqual([False, True, False], [handle.done for handle in error.sent])
        self.assertEqual(["a", "b"], [message.args[0] for message in self.calls()])

    def test_broken(self) -> None:
        """Of an error of middleware it is said where; steps before it are stored."""
        client = self.make(Picks("p", {}, None))
        count = TOGETHER + 3
        calls = [*([n] for n in range(count)), ["bad"], ["c"]]
        error = self.failureResultOf(self.many(calls, client=client), NotAllSent).value
        self.assertIn(f": {TOGETHER} of {count + 2} calls were sent: ", str(error))
        self.assertIn(f"calls[{count}]: ValueError: so", str(error))
        self.assertEqual([handle.id for handle in error.sent], [m.message_id for m in self.calls()])

    def test_refused(self) -> None:
        """Of a step that the broker refuses it is known that it isn't stored."""
        publish, told = self.broker.publish, []
        task_queued.connect(receiver := lambda sender, message, **_: told.append(message.args[0]))
        self.addCleanup(task_queued.disconnect, receiver)

        def refusing(self: Any, posts: Any, *where: Any, **options: Any) -> Any:
            return publish(posts, *where, **{**options, "max_depth": TOGETHER + 1})

        self.patch(MemoryBroker, "publish", refusing)
        failure = self.failureResultOf(self.many([n] for n in range(TOGETHER + 2)), NotAllSent)
        error: Any = failure.value
        self.assertIsInstance(error.__cause__, QueueFull)
        self.assertIn(f"{TOGETHER} of {TOGETHER + 2} calls were sent: QueueFull: ", str(error))
        self.assertEqual([handle.id for handle in error.sent], [m.message_id for m in self.calls()])
        self.assertEqual(list(range(TOGETHER)), told)

    def test_unique(self) -> None:
        """Of those of a unique task the ones before are sent."""
        client = self.make(Picks("p", {}, None))
        calls = [[1], ["bad"], [2]]
        error = self.failureResultOf(self.many(calls, limited_jobs.only, client), NotAllSent).value
        self.assertIn("1 of 3 calls were sent: calls[1]: ValueError: so", str(error))
        self.assertEqual(1, len(error.sent))

    def test_cancelled(self) -> None:
        """Who waits no longer is told that, and nothing else."""
        sending = Deferred.fromCoroutine(
            self.client.send_many(jobs.add, [[n] for n in range(3 * TOGETHER)])
        )
        sending.cancel()
        self.failureResultOf(sending, CancelledError)
        self.assertEqual(TOGETHER, self.depth("work.inbound").waiting)


def _ids(payloads: Any) -> list[str]:
    return [payload["message_id"] for payload in payloads]
