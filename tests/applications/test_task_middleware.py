"""redis-tasks' middleware in an application of tasks: what parity with it means for a worker."""

from __future__ import annotations

import threading
from typing import Any, ClassVar

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from pipeline.brokers.memory import MemoryBroker
from pipeline.errors import TaskAborted
from pipeline.tasks.current import current_task
from tests.applications.test_tasks import TaskCase, call
from tests.tasks import jobs

#: What middleware has seen, in order.
log: list[Any] = []

MIDDLEWARE = [
    "tests.applications.test_task_middleware.Judge",
    "tests.applications.test_task_middleware.Around",
]
NOT_NAMES = [1]


class Around:
    """Logs around the task, and which task it is."""

    async def run_task(self, task: Any, run: Any, args: Any, kwargs: Any) -> None:
        log.append(("before", task.func_name, task.attempt, args))
        await run(*args, **kwargs)
        log.append("after")


class Plain:
    """The same, and in its own thread."""

    def run_task(self, task: Any, run: Any, args: Any, kwargs: Any) -> None:
        log.append(("before", current_task() is task))
        run(*args, **kwargs)
        log.append(("after", threading.current_thread() is threading.main_thread()))


class Judge:
    """Logs an outcome, and answers it with what a test has said."""

    answer: ClassVar[Any] = None
    error: ClassVar[Exception | None] = None

    async def process_outcome(self, task: Any, *exc_info: Any) -> Any:
        log.append(("outcome", exc_info[0], str(exc_info[1] or "")))
        if self.error is not None:
            raise self.error
        return self.answer


class Broken:
    """Can't be made."""

    def __init__(self) -> None:
        raise LookupError("no settings")

    def run_task(self, task: Any, run: Any, args: Any, kwargs: Any) -> None: ...


class MiddlewareCase(TaskCase):
    """Has an application with middleware."""

    def setUp(self) -> None:
        super().setUp()
        log.clear()
        self.patch(Judge, "answer", None)
        self.patch(Judge, "error", None)

    def begin(self, *names: str, **options: Any) -> Any:
        """An application with these classes of this module as middleware."""
        listed = [f"{__name__}.{name}" for name in names]
        return self.start(middleware=listed, **options)


class Outcomes(MiddlewareCase):
    """``process_outcome`` sees how a call ends, and may change it."""

    def test_success(self) -> None:
        """After a success it is told with three times None; the result is as it was."""
        self.begin("Judge", "Around")
        self.put("work.inbound", call(jobs.add, 2))
        expected = [("before", jobs.add.name, 1, (2,)), "after", ("outcome", None, "")]
        self.assertEqual(expected, log)
        self.assertEqual([2], [answer.value for answer in self.results()])

    def test_settings(self) -> None:
        """The classes may stand in a list of a settings module, which the file names."""
        self.start(middleware=[f"{__name__}.MIDDLEWARE"])
        self.put("work.inbound", call(jobs.add, 2))
        self.assertEqual(3, len(log))

    def test_final_only(self) -> None:
        """A failure that is tried again is no outcome; the last one is, once."""
        self.begin("Judge", "Around")
        self.put("work.inbound", call(jobs.flaky, 9))
        self.assertEqual([("before", jobs.flaky.name, 1, (9,))], log)
        self.clock.advance(10)
        self.assertEqual(("before", jobs.flaky.name, 2, (9,)), log[1])
        self.assertEqual("TemporaryFailure", log[2][1].__name__)
        self.assertEqual(3, len(log))
        self.assertEqual(["failed"], [answer.status for answer in self.results()])

    def test_swallowed(self) -> None:
        """A truthy answer makes a failure a success: no dead letter, and a result of None."""
        self.patch(Judge, "answer", True)
        self.begin("Judge", retry={"attempts": 1})
        self.put("work.inbound", call(jobs.broken))
        answers = [(answer.status, answer.value) for answer in self.results()]
        self.assertEqual(([("finished", None)], []), (answers, self.dead("work.inbound")))

    def test_replaced(self) -> None:
        """An error of its own is what the call has failed with; it is not tried again, nor judged
        twice, also after a success."""
        self.patch(Judge, "error", ValueError("refused by the auditor"))
        self.begin("Judge", retry={"attempts": 1})
        self.put("work.inbound", call(jobs.add, 2), call(jobs.broken))
        answers = [(answer.status, answer.error) for answer in self.results()]
        self.assertEqual([("failed", "ValueError: refused by the auditor")] * 2, answers)
        self.assertEqual(2, len(log))
        self.assertEqual(2, len(self.dead("work.inbound")))

    def test_never_ran(self) -> None:
        """It is told of a call that never ran, as one with arguments that don't fit."""
        self.begin("Judge", "Around")
        self.put("work.inbound", call(jobs.add), call("no.such.task"))
        self.assertEqual(["outcome"] * 2, [each[0] for each in log])
        self.assertIn("argument 'a' is missing", log[0][2])

    def test_time_out(self) -> None:
        """A call whose time is over has been aborted, and is not run again."""
        self.begin("Judge")
        self.put("work.inbound", call(jobs.slow))
        self.clock.advance(5)
        self.assertIs(TaskAborted, log[0][1])
        self.assertEqual((0, 0, 0), self.depth("work.inbound")[:3])

    def test_worker_died(self) -> None:
        """A call whose worker died has been aborted; one that may run twice is run, and judged by
        what comes of that."""
        other = MemoryBroker(self.clock, server=self.broker.server)
        other.start()
        self.put("work.inbound", call(jobs.again), call(jobs.add, 1))
        consumer = other.consumer("work.inbound")
        self.successResultOf(consumer.open())
        self.assertEqual(2, len(self.successResultOf(consumer.take(2))))
        other.die()
        self.begin("Judge")
        for _ in range(20):
            self.clock.advance(1)
        expected = [("outcome", None, ""), ("outcome", TaskAborted, "Worker died")]
        self.assertEqual(expected, log)

    def test_shutdown(self) -> None:
        """At the end of its worker a call is aborted; one that is handed on is not judged."""
        application = self.begin("Judge")
        self.put("work.inbound", call(jobs.wait), call(jobs.wait_again))
        self.stop_application(application, 1)
        self.assertEqual([TaskAborted], [each[1] for each in log])
        self.assertEqual(1, self.depth("work.inbound").waiting)


class InPlace(MiddlewareCase):
    """``run_task`` in the application."""

    async def test_plain_around_async(self) -> None:
        """Plain middleware around an async task has a thread, and the reactor goes on."""
        from twisted.internet import reactor

        self.begin("Plain", tasks=["tests.tasks.jobs.wait"])
        self.put("work.inbound", call(jobs.wait))
        while not jobs.gates:
            await deferLater(reactor, 0.005)
        self.assertEqual([("before", True)], log)
        jobs.gates[0].callback("done")
        self.assertEqual(["done"], [answer.value for answer in await self._answers()])
        self.assertEqual(("after", False), log[1])

    async def test_plain_around_thread(self) -> None:
        """Around a task in a thread it runs in the same thread; what it sends is staged."""
        from twisted.internet import reactor

        self.begin("Plain", tasks=["tests.tasks.jobs.in_thread", "tests.tasks.jobs.add"])
        self.put("work.inbound", call(jobs.in_thread, 3))
        self.assertEqual([[3, False]], [answer.value for answer in await self._answers()])
        self.assertEqual([("before", True), ("after", False)], log[:2])
        while len(log) < 4:  # the call that it has sent
            await deferLater(reactor, 0.005)
            self.clock.advance(0)

    async def _answers(self) -> list[Any]:
        from twisted.internet import reactor

        answers: list[Any] = []
        while not answers:
            await deferLater(reactor, 0.005)
            self.clock.advance(0)
            answers = self.results()
        return answers

    def test_shutdown(self) -> None:
        """The end of the worker is raised inside the task, and passes its middleware."""
        application = self.begin("Around")
        self.put("work.inbound", call(jobs.wait))
        self.stop_application(application, 1)
        self.assertEqual((["told to end"], 1), (jobs.ran, len(log)))

    def test_start(self) -> None:
        """A middleware that can't be made is found at the start, not by the first call."""
        application = self.worker(
            self._class(),
            transport_name="work",
            tasks=["tests.tasks.jobs"],
            middleware=[f"{__name__}.Broken"],
        )
        self.failureResultOf(application.start_worker(), LookupError)

    def _class(self) -> Any:
        from pipeline.applications.tasks import TaskApplication

        return TaskApplication

    def test_settings(self) -> None:
        """A list of a settings module that holds other things than names is refused."""
        application = self.worker(
            self._class(),
            transport_name="work",
            tasks=["tests.tasks.jobs"],
            middleware=[f"{__name__}.NOT_NAMES"],
        )
        failure = self.failureResultOf(Deferred.fromCoroutine(application.setup_middleware()))
        self.assertIn("must be a list of dotted names", failure.getErrorMessage())
