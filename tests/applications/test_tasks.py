"""Tests of pipeline.applications.tasks."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from pipeline.applications.tasks import TaskApplication
from pipeline.brokers.memory import MemoryBroker
from pipeline.errors import ConfigError, TaskFailed
from pipeline.message import ResultMessage, TaskMessage
from pipeline.tasks.client import Client
from pipeline.tasks.names import key_of
from pipeline.tasks.registry import Task
from pipeline.tasks.results import kept
from tests.tasks import jobs
from tests.workers import WorkerCase, inbound

JOBS = "tests.tasks.jobs"


def call(task: Task[Any, Any] | str, *args: Any, **fields: Any) -> TaskMessage:
    """A call that somebody waits for."""
    name = task if isinstance(task, str) else task.name
    given = {"reply_to": "work.outbound", "transport_name": "work", **fields}
    return TaskMessage(task=name, args=list(args), **given)


class TaskCase(WorkerCase):
    """Has a task application of the connector ``work``."""

    def setUp(self) -> None:
        super().setUp()
        jobs.ran.clear()
        jobs.gates.clear()

    def start(self, **options: Any) -> TaskApplication:
        """An application that runs; it is stopped at the end of the test."""
        given = {"transport_name": "work", "tasks": [JOBS], **options}
        application: TaskApplication = self.running(TaskApplication, **given)
        return application

    def stop_application(self, application: TaskApplication, deadline: float = 0) -> None:
        """Stop it, unless it has been stopped."""
        self.helper.cleanup_worker(application, deadline).now()

    def results(self) -> list[ResultMessage]:
        """The answers that were published."""
        return [delivery.message for delivery in self.taken("work.outbound")]


class Running(TaskCase):
    """Calls run, and their answers leave with their settlement."""

    def test_result(self) -> None:
        """Who waits gets what the task returns."""
        self.start()
        asked = call(jobs.add, 2, kwargs={"b": 3})
        self.put("work.inbound", asked)
        (answer,) = self.results()
        self.assertEqual(("finished", 5), (answer.status, answer.value))
        self.assertEqual(asked.message_id, answer.in_reply_to)
        self.assertEqual(0, self.depth("work.inbound").in_hand)

    def test_nobody_waits(self) -> None:
        """When nobody waits, nothing is answered."""
        self.start()
        self.put("work.inbound", call(jobs.add, 2, reply_to=None))
        self.assertEqual(([(2, 0)], []), (jobs.ran, self.results()))

    def test_kept(self) -> None:
        """A task with keep_result leaves its result, or its error, in the store for a while."""
        self.start()
        for ok, expected in ((True, ("kept", None)), (False, (None, "KeyError: 'kept'"))):
            asked = call(jobs.kept, ok, reply_to=None)
            self.put("work.inbound", asked)
            found = self._kept(asked.message_id)
            self.assertEqual(expected, (found.value, found.error))
        self.clock.advance(60)
        self.assertIsNone(self._kept(asked.message_id))
        self.assertEqual([], self.results())

    def _kept(self, call_id: str) -> Any:
        return self.successResultOf(Deferred.fromCoroutine(kept(self.looker, call_id)))

    def test_to_instance(self) -> None:
        """A call that names an instance is answered on the queue of that instance."""
        self.start()
        metadata = {"reply_instance": "i1"}
        self.put("work.inbound", call(jobs.add, 2, reply_to=None, transport_metadata=metadata))
        self.assertEqual([2], [d.message.value for d in self.taken("work.outbound@i1")])

    async def test_thread(self) -> None:
        """A plain task runs in a thread, and what it sends from there is sent."""
        from twisted.internet import reactor

        self.start(tasks=[f"{JOBS}.in_thread", f"{JOBS}.add"])
        self.put("work.inbound", call(jobs.in_thread, 3))
        answers: list[ResultMessage] = []
        while not answers:
            await deferLater(reactor, 0.005)
            self.clock.advance(0)
            answers = self.results()
        self.assertEqual([[3, False]], [answer.value for answer in answers])
        self.clock.advance(0)
        self.assertEqual([(3, 0)], jobs.ran)

    def test_staged(self) -> None:
        """What a task sends is sent when it is done; when it fails, never."""
        self.start(retry={"attempts": 1})
        self.put("work.inbound", call(jobs.chain, 4), call(jobs.chain, 0))
        self.clock.advance(0)
        self.assertEqual([(4, 1)], jobs.ran)


class Failing(TaskCase):
    """Errors of tasks are settled, and never the end of the worker."""

    def _dead(self) -> list[tuple[str, str]]:
        entries = self.dead("work.inbound")
        return [(e.fields["reason"].decode(), e.fields["error"].decode()) for e in entries]

    def test_retries_of_task(self) -> None:
        """A task's own retries and backoff go before the worker's."""
        self.start()
        self.put("work.inbound", call(jobs.flaky, 1))
        self.clock.advance(6.9)
        self.assertEqual(["flaky"], jobs.ran)
        self.clock.advance(0.1)
        self.clock.advance(0)
        self.assertEqual(["at last"], [answer.value for answer in self.results()])

    def test_exhausted(self) -> None:
        """When the retries are used up, who waits learns of the error, once."""
        self.start()
        self.put("work.inbound", call(jobs.flaky, 9))
        self.clock.advance(7)
        self.clock.advance(0)
        (answer,) = self.results()
        self.assertEqual(("failed", "TemporaryFailure: not yet"), (answer.status, answer.error))
        self.assertIn("in flaky", answer.traceback or "")
        self.assertEqual([("exhausted", "TemporaryFailure: not yet")], self._dead())

    def test_policy_of_worker(self) -> None:
        """A task without a policy of its own is tried as the worker says."""
        self.start(retry={"attempts": 2, "base": 3, "jitter": 0})
        self.put("work.inbound", call(jobs.broken))
        for _ in range(4):
            self.clock.advance(1)
        self.assertEqual((["broken"] * 2, 1), (jobs.ran, len(self.results())))

    def test_retry_later(self) -> None:
        """RetryLater goes before every policy."""
        self.start()
        self.put("work.inbound", call(jobs.later))
        self.assertEqual(1, self.depth("work.inbound").delayed)
        self.clock.advance(50)
        self.clock.advance(0)
        self.assertEqual(["later"] * 2, jobs.ran)

    def test_unknown(self) -> None:
        """A call of a task that is not here is a dead letter, with the nearest name."""
        self.start()
        self.put("work.inbound", call(f"{JOBS}.ad"))
        ((reason, error),) = self._dead()
        self.assertEqual("permanent", reason)
        self.assertIn(f"did you mean '{JOBS}.add'", error)
        self.assertEqual(["failed"], [answer.status for answer in self.results()])

    def test_arguments(self) -> None:
        """Arguments that don't fit are never tried again."""
        self.start()
        self.put("work.inbound", call(jobs.add), call(jobs.add, 1, kwargs={"c": 2}))
        errors = [error for _, error in self._dead()]
        self.assertIn("argument 'a' is missing", errors[0])
        self.assertIn("'c'", errors[1])

    def test_no_call(self) -> None:
        """A user message is no call."""
        self.start()
        for event in (None, "new", "close"):
            self.put("work.inbound", inbound(session_event=event))
        self.assertEqual(3, len(self._dead()))
        self.assertIn("not a task call", self._dead()[0][1])

    def test_result_cannot_travel(self) -> None:
        """A result that can't travel is a failure that says so."""
        self.start()
        self.put("work.inbound", call(jobs.strange))
        (answer,) = self.results()
        self.assertIn("can't travel: a set", answer.error or "")

    def test_time_out(self) -> None:
        """A task that takes too long has failed for good."""
        application = self.start()
        self.put("work.inbound", call(jobs.slow))
        self.clock.advance(5)
        (answer,) = self.results()
        self.assertIn("timed out after 5 s", answer.error or "")
        self.assertEqual(1, application.runner.timed_out)


class Deaths(TaskCase):
    """Calls that were in the hands of a worker that died."""

    def setUp(self) -> None:
        super().setUp()
        other = MemoryBroker(self.clock, server=self.broker.server)
        other.start()
        self.put("work.inbound", call(jobs.again), call(jobs.add, 1))
        consumer = other.consumer("work.inbound")
        self.successResultOf(consumer.open())
        self.assertEqual(2, len(self.successResultOf(consumer.take(2))))
        other.die()

    def test_died(self) -> None:
        """A reentrant task is run again; any other has failed with "Worker died"."""
        self.start()
        for _ in range(20):
            self.clock.advance(1)
        self.assertEqual(["again"], jobs.ran)
        answers = self.results()
        self.assertEqual(["finished", "failed"], [answer.status for answer in answers])
        self.assertIn("Worker died", answers[1].error or "")


class Stopping(TaskCase):
    """A worker that stops finishes what it can, and hands back the rest."""

    def test_finishes(self) -> None:
        """What ends within the deadline is settled here."""
        application = self.start()
        self.put("work.inbound", call(jobs.wait))
        stopping = application.stop_worker(10)
        self.clock.advance(1)
        self.assertNoResult(stopping)
        jobs.gates[0].callback("done")
        for _ in range(5):
            self.clock.advance(0)
        self.successResultOf(stopping)
        self.assertEqual(["done"], [answer.value for answer in self.results()])

    def test_hands_back(self) -> None:
        """What doesn't is told to end, and its call goes to another worker, if it may run twice."""
        application = self.start()
        self.put("work.inbound", call(jobs.wait_again), call(jobs.wait))
        self.stop_application(application, 3)
        self.assertEqual(["told to end"] * 2, jobs.ran)
        self.assertEqual((1, 0), self.depth("work.inbound")[:2])
        (answer,) = self.results()
        self.assertIn("the worker stopped while", answer.error or "")
        self.start()
        self.clock.advance(0)
        self.assertEqual(3, len(jobs.gates))

    def test_threads(self) -> None:
        """A thread can't be told: its call has failed, unless it may run twice.

        Calls that still wait for a thread are handed back too.
        """
        jobs.gate.clear()
        self.addCleanup(jobs.gate.set)
        application = self.start(threads=2)
        calls = [call(jobs.block), call(jobs.block_again), call(jobs.block)]
        self.put("work.inbound", *calls)
        self.assertEqual(2, application.runner.threads.busy)
        self.stop_application(application, 1)
        (answer,) = self.results()
        self.assertEqual(calls[0].message_id, answer.in_reply_to)
        self.assertIn("the worker stopped while", answer.error or "")
        returned = {delivery.message.message_id for delivery in self.taken("work.inbound")}
        self.assertEqual({each.message_id for each in calls[1:]}, returned)


class Announcing(TaskCase):
    """Workers say which tasks they have."""

    def _announced(self, application: TaskApplication) -> dict[bytes, bytes]:
        reading = Deferred.fromCoroutine(application.store().hgetall(key_of("work")))
        seen: dict[bytes, bytes] = self.successResultOf(reading)
        return seen

    def test_announced(self) -> None:
        """The names are in the store at the start, and again every 30 seconds."""
        application = self.start(tasks=[f"{JOBS}.add"])
        name = jobs.add.name.encode()
        first = self._announced(application)
        self.assertEqual({name}, set(first))
        self.clock.advance(30)
        self.assertEqual(float(first[name]) + 30, float(self._announced(application)[name]))


class Configured(TaskCase):
    """A wrong list of tasks is found before anything starts."""

    def test_wrong(self) -> None:
        """All wrong paths are named at once."""
        options = {"transport_name": "work", "tasks": ["no.such", f"{JOBS}.ad", JOBS]}
        application = self.worker(TaskApplication, **options)
        error = self.failureResultOf(application.start_worker(), ConfigError).value
        self.assertIn("no.such", str(error))
        self.assertIn("'ad'", str(error))


class Sending(TaskCase):
    """A client sends calls, and gets the results."""

    def setUp(self) -> None:
        super().setUp()
        self.client = Client(self.runtime)
        self.start(retry={"attempts": 1})

    def _result(self, sending: Any, timeout: float | None = None) -> Deferred[Any]:
        async def result() -> Any:
            return await (await sending).result(timeout)

        waiting = Deferred.fromCoroutine(result())
        for _ in range(5):
            self.clock.advance(0)
        return waiting

    def test_round_trip(self) -> None:
        """From outside of any worker, a call comes back as its result or its error."""
        self.assertEqual(5, self.successResultOf(self._result(self.client.send(jobs.add, [2, 3]))))
        failed = self._result(self.client.send(jobs.broken))
        self.assertIn("KeyError", str(self.failureResultOf(failed, TaskFailed).value))
        self.successResultOf(Deferred.fromCoroutine(self.client.stop()))
