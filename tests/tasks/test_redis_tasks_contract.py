"""What redis-tasks (0.0.11) does, row by row, and which tests hold that this does it, too.

What is held elsewhere is named in :data:`ROWS`; what is about several parts together is tried here.
"""

from __future__ import annotations

from typing import Any, ClassVar

from twisted.trial.unittest import SynchronousTestCase

from pipeline.config.names import resolve
from pipeline.errors import TaskAborted
from tests.applications.test_task_middleware import MiddlewareCase, log
from tests.applications.test_tasks import call
from tests.service.support import ROOT
from tests.tasks import jobs

_TASKS = "tests.applications.test_tasks"
_STACK = "tests.tasks.test_middleware"
_APPLIED = "tests.applications.test_task_middleware"
_POOL = "tests.tasks.processes.test_pool"
_SCHEDULE = "tests.tasks.schedule"
_STATES = "tests.tasks.states"
_HERE = "tests.tasks.test_redis_tasks_contract.Together"
_SEEDS = "tests.tasks.test_redis_tasks_examples.Worker"

#: What is promised, and the tests of it.
ROWS: dict[str, tuple[str, ...]] = {
    # Tasks
    "a task is an importable function, or a dotted path": (
        "tests.tasks.test_collecting.Collect.test_one",
        "tests.tasks.test_collecting.Collect.test_nothing",
        "tests.tasks.test_collecting.Collect.test_no_task",
    ),
    "arguments that don't fit are a TypeError": (
        "tests.tasks.test_call.Fit.test_missing",
        f"{_TASKS}.Failing.test_arguments",
    ),
    "a call is queued, running, finished or failed": (
        f"{_STATES}.test_keeper.Kept.test_queued",
        f"{_STATES}.test_keeper.Kept.test_running",
        f"{_STATES}.test_keeper.Kept.test_failed",
    ),
    "a call that waits can be cancelled": (f"{_STATES}.test_cancelling.Cancelling.test_queued",),
    "a run that was broken off is noted": (
        f"{_STATES}.test_keeper.Kept.test_handed_back",
        f"{_STATES}.test_keeper.Kept.test_died",
    ),
    "what has ended is remembered for a time": (f"{_STATES}.test_keeper.Kept.test_forgotten",),
    "a task may ask which call runs": ("tests.tasks.test_current.Current.test_names",),
    # Middleware
    "middleware is named by dotted path, also in a settings module": (
        f"{_APPLIED}.Outcomes.test_settings",
        f"{_APPLIED}.InPlace.test_settings",
    ),
    "no base class, no arguments, and either method may be absent": (
        f"{_STACK}.AroundTheTask.test_one_method",
    ),
    "a new instance for every call, of each method": (
        f"{_STACK}.AroundTheTask.test_instances",
        f"{_STACK}.AfterTheTask.test_own_instance",
    ),
    "run_task goes by the order of the settings, the first outermost": (
        f"{_STACK}.AroundTheTask.test_order",
        f"{_HERE}.test_orders",
    ),
    "run_task may change arguments, skip, repeat, swallow": (
        f"{_STACK}.AroundTheTask.test_changes",
        f"{_STACK}.AroundTheTask.test_errors",
    ),
    "what run_task returns is ignored": (f"{_STACK}.AroundTheTask.test_order",),
    "an error of a constructor is an exception at that layer": (
        f"{_STACK}.AroundTheTask.test_constructor",
        f"{_STACK}.AfterTheTask.test_constructor",
    ),
    "process_outcome goes in reverse order, through all middlewares": (
        f"{_STACK}.AfterTheTask.test_error",
        f"{_HERE}.test_orders",
        f"{_HERE}.test_never_reached",
    ),
    "a success has three times None": (
        f"{_STACK}.AfterTheTask.test_success",
        f"{_APPLIED}.Outcomes.test_success",
    ),
    "a truthy return swallows the exception for the rest": (
        f"{_STACK}.AfterTheTask.test_swallowed",
        f"{_APPLIED}.Outcomes.test_swallowed",
        f"{_HERE}.test_swallowed_for_the_rest",
    ),
    "an exception replaces it, and may turn success into failure": (
        f"{_STACK}.AfterTheTask.test_replaced",
        f"{_APPLIED}.Outcomes.test_replaced",
    ),
    "it is called when the worker died": (f"{_APPLIED}.Outcomes.test_worker_died",),
    "it is called when the child died": (f"{_SEEDS}.test_report",),
    "it is called at a shutdown": (f"{_APPLIED}.Outcomes.test_shutdown",),
    "it is called at a time-out, which never requeues": (
        f"{_APPLIED}.Outcomes.test_time_out",
        f"{_HERE}.test_time_out_of_reentrant",
    ),
    "it is not called when a reentrant call is requeued": (f"{_APPLIED}.Outcomes.test_shutdown",),
    "it is not given the result": (f"{_HERE}.test_no_result",),
    "all middleware is made once at the start": (f"{_APPLIED}.InPlace.test_start",),
    # The end
    "the end of the worker is raised in the task only": (
        f"{_APPLIED}.InPlace.test_shutdown",
        f"{_POOL}.Ends.test_shutdown",
        "tests.applications.test_task_processes.Middleware.test_shutdown",
    ),
    "PostponeShutdown delays it": (
        "tests.tasks.test_shutdown.Postponing.test_waits",
        f"{_POOL}.Ends.test_postponed",
    ),
    "a dead worker's call is run again if it is reentrant, else it has failed": (
        f"{_TASKS}.Deaths.test_died",
        f"{_APPLIED}.Outcomes.test_worker_died",
    ),
    # Workers
    "tasks run in a child process": (f"{_POOL}.Calls.test_result",),
    "a child that takes too long is killed": (f"{_POOL}.Ends.test_time_out",),
    "a function is called in each child before its first call": (f"{_POOL}.Start.test_preload",),
    "of several queues one goes first": (
        "tests.applications.test_task_limits.Priorities.test_high_first",
    ),
    "a burst does what is there, and counts it": ("tests.service.test_burst.Watching.test_counts",),
    # Schedule
    "crontab, run_every, once_per_day": (
        f"{_SCHEDULE}.test_pages.Claims.test_names",
        f"{_SCHEDULE}.test_cron.Texts.test_name_of_redis_tasks",
        f"{_SCHEDULE}.test_cron.Texts.test_times_of_day",
    ),
    "no local time is skipped or doubled when clocks change": (
        f"{_SCHEDULE}.test_cron.ClocksChange.test_table",
        f"{_SCHEDULE}.test_cron.ClocksChange.test_once_per_day",
    ),
    "what was missed is caught up with for an hour": (
        f"{_SCHEDULE}.test_due.Deciding.test_missed",
        f"{_SCHEDULE}.test_due.Deciding.test_window",
    ),
    "an entry is a singleton": (
        f"{_SCHEDULE}.test_slot.Singletons.test_running",
        f"{_SCHEDULE}.test_slot.Singletons.test_queued",
    ),
    "one scheduler at a time": (
        f"{_SCHEDULE}.test_scheduler.Keeping.test_many",
        f"{_SCHEDULE}.test_scheduler.Restarts.test_each_slot_once",
    ),
    "a command shows and empties queues": (
        "tests.cli.test_tasks.Tasks.test_look",
        "tests.cli.test_tasks.Tasks.test_purge",
    ),
    # Besides
    "a test runs everything queued, with .succeeded and .failed": (
        "tests.testing.test_tasks.OnClock.test_run",
        "tests.testing.test_tasks.OnClock.test_failed",
    ),
    "a chain calls one after another": (
        "tests.tasks.test_chain.Run.test_results",
        "tests.tasks.test_chain.Run.test_failed",
    ),
    "the examples of its documentation run": (
        f"{_SEEDS}.test_sleeping",
        f"{_SEEDS}.test_report",
        "tests.tasks.test_porting_pages.Examples.test_redis_tasks",
    ),
}


class Rows(SynchronousTestCase):
    """The table above."""

    def test_held(self) -> None:
        """Every row names tests that there are, each of which states its claim."""
        self.assertGreater(len(ROWS), 35)
        for row, names in ROWS.items():
            self.assertTrue(names, row)
            for name in names:
                self.assertIn(".test_", name)
                self.assertTrue(resolve(name).__doc__, f"{row}: {name}")


class _Two:
    """Both methods, which tell who they are."""

    name: ClassVar[str]
    answer: ClassVar[Any] = None

    async def run_task(self, task: Any, run: Any, args: Any, kwargs: Any) -> None:
        log.append(f"{self.name} before")
        await run(*args, **kwargs)
        log.append(f"{self.name} after")

    async def process_outcome(self, task: Any, *exc_info: Any) -> Any:
        log.append((self.name, exc_info[0], len(exc_info)))
        return self.answer


class Outer(_Two):
    """The first of the list."""

    name = "outer"


class Inner(_Two):
    """The second of it."""

    name = "inner"


class Swallows(_Two):
    """Wants no error to be known."""

    name = "swallows"
    answer = True


class Skips:
    """Runs nothing."""

    async def run_task(self, task: Any, run: Any, args: Any, kwargs: Any) -> None:
        log.append("skipped")


class Together(MiddlewareCase):
    """Several middlewares in a worker."""

    def begin(self, *names: str, **options: Any) -> Any:
        """An application with these classes of this module as middleware."""
        return self.start(middleware=[f"{__name__}.{name}" for name in names], **options)

    def test_orders(self) -> None:
        """Around the task the first is outermost; after it the last is asked first."""
        self.begin("Outer", "Inner")
        self.put("work.inbound", call(jobs.add, 2))
        around = ["outer before", "inner before", "inner after", "outer after"]
        self.assertEqual([*around, ("inner", None, 3), ("outer", None, 3)], log)

    def test_never_reached(self) -> None:
        """Who was never reached on the way to the task is told of the outcome all the same."""
        self.begin("Outer", "Skips", "Inner")
        self.put("work.inbound", call(jobs.add, 2))
        around = ["outer before", "skipped", "outer after"]
        self.assertEqual([*around, ("inner", None, 3), ("outer", None, 3)], log)
        self.assertNotIn((2, 0), jobs.ran)

    def test_swallowed_for_the_rest(self) -> None:
        """Those that come after one that has swallowed the error see a success."""
        self.begin("Outer", "Swallows", "Inner", retry={"attempts": 1})
        self.put("work.inbound", call(jobs.broken))
        told = [each for each in log if isinstance(each, tuple)]
        expected = [("inner", KeyError, 3), ("swallows", KeyError, 3), ("outer", None, 3)]
        self.assertEqual((expected, []), (told, self.dead("work.inbound")))

    def test_no_result(self) -> None:
        """What the task returns is told to neither; who waits gets it."""
        self.begin("Outer")
        self.put("work.inbound", call(jobs.add, 40, 2))
        self.assertNotIn("42", repr(log))
        self.assertEqual([42], [answer.value for answer in self.results()])

    def test_time_out_of_reentrant(self) -> None:
        """A call that took too long has failed, and is not run again, though it may run twice."""
        self.patch(jobs.slow, "reentrant", True)
        self.begin("Outer")
        self.put("work.inbound", call(jobs.slow))
        self.clock.advance(5)
        self.assertEqual(("outer", TaskAborted, 3), log[-1])
        self.assertEqual((0, 0, 0), self.depth("work.inbound")[:3])
        self.assertEqual(["failed"], [answer.status for answer in self.results()])


class Guide(SynchronousTestCase):
    """The page for who comes from there."""

    def test_named(self) -> None:
        """It says where the rows are."""
        page = (ROOT / "docs" / "porting-from-redis-tasks.md").read_text(encoding="utf-8")
        self.assertIn("tests/tasks/test_redis_tasks_contract.py", page)
