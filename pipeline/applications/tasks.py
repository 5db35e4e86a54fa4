"""The application that runs tasks."""

from __future__ import annotations

from functools import partial
from typing import Any

from pipeline.applications.base import Application, ApplicationConfig
from pipeline.config.fields import ConfigList
from pipeline.config.numbers import ConfigInt
from pipeline.config.positions import position
from pipeline.config.problems import Problems, suggestion
from pipeline.connector.posting import described, traceback_of
from pipeline.delivery import Delivery
from pipeline.eager import finished
from pipeline.errors import (
    ConfigError,
    PermanentFailure,
    TaskAborted,
    TaskCancelled,
    UnknownTask,
)
from pipeline.message import TaskMessage
from pipeline.outcome import DONE, DeadLetter, Done, Dropped, Outcome, Retry
from pipeline.tasks.admission import Admission
from pipeline.tasks.announcing import Announcements
from pipeline.tasks.call import unpacked
from pipeline.tasks.collecting import collect
from pipeline.tasks.current import CurrentTask
from pipeline.tasks.endings import Endings
from pipeline.tasks.lanes import Lanes
from pipeline.tasks.middleware import SUCCESS, ExcInfo, TaskStack
from pipeline.tasks.options import known_overrides, overrides_of
from pipeline.tasks.policies import Policies
from pipeline.tasks.processes.options import ProcessesConfig
from pipeline.tasks.processes.pool import pool_for
from pipeline.tasks.registry import Task
from pipeline.tasks.runner import TaskRunner
from pipeline.tasks.schedule.configured import ConfigSchedule, entries_of, kept_elsewhere
from pipeline.tasks.schedule.entry import Entry
from pipeline.tasks.schedule.scheduler import Scheduler
from pipeline.tasks.schedule.slot import slot_of
from pipeline.tasks.sender import bound
from pipeline.tasks.states.keeper import Keeper

__all__ = ["TaskApplication", "TaskApplicationConfig"]

#: Marks a message whose failure is what middleware made of a success: it is not judged again.
JUDGED = "_is_judged"


class TaskApplicationConfig(ProcessesConfig, ApplicationConfig):
    """Options of the application that runs tasks."""

    tasks = ConfigList(
        "The tasks that it runs: dotted paths of tasks, or of modules with tasks.",
        required=True,
        static=True,
    )
    threads = ConfigInt(
        "How many tasks that aren't async may run at the same time, each in a thread.",
        default=8,
        minimum=1,
        static=True,
    )
    middleware_threads = ConfigInt(
        "Around how many calls at a time blocking task middleware may run in a thread, where tasks"
        " do not run in threads themselves.",
        default=8,
        minimum=1,
        static=True,
    )
    schedule = ConfigSchedule(
        "Calls of its tasks at given times, by names of your choice; see `docs/schedule.md`.",
        default={},
        static=True,
    )
    max_in_flight = ConfigInt(
        "How many calls it takes at a time; what is beyond its threads waits for one here.",
        default=32,
        minimum=1,
        static=True,
    )


class TaskApplication(Application):
    """Runs the tasks that calls ask for, and answers who waits for a result.

    Async tasks run in the reactor, the others in threads or in child processes. A task that raises
    is tried again by its own ``retries`` and ``backoff``, else as this worker is configured. The
    answer is staged with the settlement of the call: a result when it is done, the error when it
    has failed for good. A call of a task that is not here, or with arguments that don't fit, is a
    dead letter at once.

    A call that was in the hands of a worker that died is run again if its task is ``reentrant``;
    else it has failed, with "Worker died", as in redis-tasks. When this worker stops and the time
    to finish is over, async tasks get WorkerShutdown; a thread can't be told. Their calls are
    handed to other workers if the task is ``reentrant``, else they have failed.

    Task middleware is redis-tasks': see :mod:`pipeline.tasks.middleware`. ``process_outcome`` sees
    the final outcome only, in this process: not a failure that is tried again, nor a call that is
    handed on. What it makes of a success or a failure is what becomes of the call.

    :ivar tasks: the tasks that it runs, by name.
    :ivar schedule: what it calls by itself, together with all others that do.
    """

    CONFIG_CLASS = TaskApplicationConfig

    #: Calls for any endpoint are run.
    ALLOWED_ENDPOINTS = None

    tasks: dict[str, Task[Any, Any]]
    schedule: list[Entry]

    def validate_config(self) -> None:
        """Import the tasks.

        :raise ConfigError: a path names no task, two tasks have one name, or the schedule is wrong.
        """
        self.tasks = {}
        problems = Problems()
        for index, dotted in enumerate(self.config.tasks):
            at = position(self._given, ("tasks", index))
            with problems.collecting():
                for each in collect(dotted, at):
                    self._add(each, at)
        with problems.collecting():
            self.schedule = entries_of(self.config.schedule, self.tasks, self.transport_name)
        problems.raise_any()

    async def setup_connectors(self) -> None:
        """Make the connector; it also reads the queues of tasks with a priority or a limit."""
        await finished(super().setup_connectors())
        lanes = Lanes(self.connector, self.broker, self.tasks.values())
        await lanes.open()
        self._admission = Admission(lanes, self.broker, self.clock)

    async def setup_application(self) -> None:
        """Start threads and processes, and say which tasks are here."""
        self._policies = Policies(self.tasks, self.retry_policy)
        stack = TaskStack(self.middlewares.task)
        for factory in stack.factories:
            factory()  # one that can't be made is found now, and not by every call
        self.runner = self.make_runner(stack)
        await self.runner.start()
        name = self.transport_name
        ways = (self.connector.publish, self.client.follow)
        self._endings = Endings(name, self.tasks, *ways, self._current)
        places = (name, self.broker, self.clock, self.keep_task_states)
        self.states = Keeper(*places, self.runner.cancel, self._endings.answer_instance)
        self._endings.kept_by(self.states)
        await self.states.start(self.tasks)
        self._scheduler = Scheduler(name, self.schedule, self.client, self.broker, self.clock)
        if not self.dry_run:
            self._scheduler.start()
        for each in kept_elsewhere(self.tasks.values(), name):
            self.log.info("the schedule of {task} is kept by who serves its queue", task=each)
        self._announcements = Announcements(name, self.tasks, self.store, self.clock)
        await self._announcements.start()

    def make_runner(self, stack: TaskStack) -> TaskRunner:
        """What runs the calls through this middleware; ConfigError if a process can't make it."""
        config = self.config
        pool = pool_for(config, self.name, self.tasks.values(), stack, self.clock)
        return TaskRunner(self.clock, config.threads, stack, config.middleware_threads, pool)

    async def teardown_application(self) -> None:
        """Call nothing more by itself; let go of threads and processes."""
        if hasattr(self, "_scheduler"):
            await self._scheduler.stop()
        if hasattr(self, "_announcements"):
            self._announcements.stop()
        if hasattr(self, "runner"):
            await self.runner.stop()
        if hasattr(self, "states"):
            await self.states.stop()

    def postponed(self) -> Any:
        """Fires when no task is in a PostponeShutdown block any more."""
        return self.runner.postponed()

    def ordering_key(self, message: Any, kind: str) -> Any:
        """None: calls are in no order, unless they say whom they are from."""
        return super().ordering_key(message, kind) or None

    def dispatch_user_message(self, message: Any) -> Any:
        """Run a call.

        :raise PermanentFailure: it is not a call of a task.
        """
        if not isinstance(message, TaskMessage):
            raise PermanentFailure(f"not a task call, but a {message.message_type}")
        return self._perform(message)

    def decide(self, error: BaseException, delivery: Delivery) -> Outcome:
        """What becomes of a call that failed: the task's own policy goes before the worker's."""
        policy = self._policies.of(delivery.message)
        if policy is None:
            return super().decide(error, delivery)
        return policy.judge(error, delivery.attempt)

    async def on_final_failure(
        self, message: Any, error: BaseException | None, outcome: DeadLetter, delivery: Delivery
    ) -> Any:
        """Let middleware judge a call that failed; tell who waits for the result.

        :return: Done if middleware has swallowed the error, else None or what it has become.
        """
        if not isinstance(message, TaskMessage):
            return await finished(super().on_final_failure(message, error, outcome, delivery))
        if await self.states.is_ended(message.message_id, delivery):
            return await self._break_off(message, delivery)
        if self.runner.stack.judges and error is not None and not message.__dict__.get(JUDGED):
            _, left, _ = await self.runner.judge(self._current(message), _exc_info(error))
            if left is None:
                await finished(self._endings.finished(message, None, delivery))
                return DONE
            if left is not error:
                error, outcome = left, DeadLetter(left, outcome.reason)
        traceback = traceback_of(error) if isinstance(error, BaseException) else None
        answer = message.failed(described(error) or outcome.reason, traceback)
        await self._endings.failed(message, answer, error or outcome.reason, delivery)
        return outcome

    def on_retry(self, message: Any, outcome: Retry, delivery: Delivery) -> None:
        """Keep that the call is tried again."""
        if isinstance(message, TaskMessage):
            self.states.retried(
                self.tasks.get(message.task, message.task),
                self._current(message),
                delivery,
                outcome,
                in_hand=self.config.ordering != "none",
            )

    async def on_left_out(self, message: Any, outcome: Done | Dropped, delivery: Delivery) -> None:
        """A call that isn't run, or has dropped itself, is cancelled: tell who waits for it."""
        if not isinstance(message, TaskMessage):
            return
        if await self.states.is_ended(message.message_id, delivery):
            await self._break_off(message, delivery)
        elif isinstance(outcome, Dropped):
            await self._endings.dropped(message, outcome.reason, delivery)
        else:
            await self._endings.answered(message, delivery)

    async def _perform(self, message: TaskMessage) -> Any:
        message.__dict__.pop(JUDGED, None)
        delivery, states = message._delivery, self.states
        if states.may_be_ended(message.message_id, delivery) and await states.is_ended(
            message.message_id, delivery
        ):
            return await self._break_off(message, delivery)
        task, args, kwargs = self._called(message)
        if task.is_conditional:
            refused = await self._admission.refuse(task, message, delivery)
            if refused is not None:
                return refused
        call, run = self._to_run(message, task, args, kwargs)
        try:
            value = await states.run(task, call, delivery, run)
        except TaskCancelled:
            if not states.is_cancelled(call.id):
                raise
            return await self._break_off(message, delivery)
        if self.runner.stack.judges:
            return await self._judged(message, call, value)
        more = self._endings.finished(message, value, delivery)
        if more is not None:
            await more
        return None

    def _to_run(
        self, message: TaskMessage, task: Task[Any, Any], args: list[Any], kwargs: dict[str, Any]
    ) -> tuple[CurrentTask, Any]:
        """A call as its task sees it, and what runs it.

        :raise TaskAborted: a worker died with it, and it must not run twice.
        """
        if message._delivery.deaths and not task.reentrant:
            raise TaskAborted("Worker died")
        bound.set(self.client)
        call = self._current(message)
        if task.isolation == "process":  # it unpacks them itself, and sends back what is wanted
            return call, partial(self.runner.run, is_awaited=self._endings.is_wanted(message))
        call.args, call.kwargs = args, kwargs
        return call, self.runner.run

    async def _judged(self, message: TaskMessage, call: CurrentTask, value: Any) -> Any:
        """What becomes of a call that has returned, when middleware has seen it."""
        _, error, _ = await self.runner.judge(call, SUCCESS)
        if error is not None:
            message.__dict__[JUDGED] = True
            return DeadLetter(error, getattr(error, "dead_letter_reason", "permanent"))
        await finished(self._endings.finished(message, value, message._delivery))
        return None

    async def _break_off(self, message: TaskMessage, delivery: Delivery) -> Outcome:
        """Settle a call that somebody has cancelled, with nothing of what it has staged."""
        delivery.restart()
        cancelled = TaskCancelled(f"{message.task} was cancelled")
        if self.runner.stack.judges:
            await self.runner.judge(self._current(message), _exc_info(cancelled))
        await self._endings.cancelled(message, cancelled, delivery)
        return DONE

    def _current(self, message: TaskMessage) -> CurrentTask:
        """The call, as its task and middleware see it."""
        task = self.tasks.get(message.task)
        delivery = message._delivery
        return CurrentTask(
            id=message.message_id,
            name=message.task,
            args=message.args,
            kwargs=message.kwargs,
            attempt=delivery.attempt,
            deaths=delivery.deaths,
            queue=self.transport_name,
            worker=self.name,
            timeout=self._timeout(task, message),
            reentrant=task.reentrant if task else False,
            enqueued=delivery.enqueued_at,
            slot=slot_of(message),
        )

    def _timeout(self, task: Task[Any, Any] | None, message: TaskMessage) -> float | None:
        own = known_overrides(message).timeout
        return own if own is not None else task.timeout if task is not None else None

    def _called(self, message: TaskMessage) -> tuple[Task[Any, Any], list[Any], dict[str, Any]]:
        """The task that is called, and its arguments as they were sent."""
        task = self.tasks.get(message.task)
        if task is None:
            hint = suggestion(message.task, self.tasks)
            raise UnknownTask(f"no task {message.task!r} here" + (f" ({hint})" if hint else ""))
        try:
            overrides_of(message)
            return task, *unpacked(task, message.args, message.kwargs)
        except (TypeError, ValueError) as error:
            raise PermanentFailure(str(error)) from None

    def _add(self, each: Task[Any, Any], at: str | None) -> None:
        if self.tasks.setdefault(each.name, each) is not each:
            raise ConfigError(f"two tasks are called {each.name!r}", at=at)


def _exc_info(error: BaseException) -> ExcInfo:
    return (type(error), error, error.__traceback__)
