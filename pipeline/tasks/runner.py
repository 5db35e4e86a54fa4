"""Runs tasks: async ones in the reactor, the others in threads; each within its time.

An inline plain function may return a Deferred, in Twisted's own way.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from pipeline.errors import PermanentFailure, WorkerShutdown
from pipeline.tasks.interruptible import interruptible
from pipeline.tasks.registry import Task
from pipeline.tasks.threads import Threads

__all__ = ["Run", "TaskRunner"]

#: Seconds that a cancelled async task gets to clean up, before it counts as ended.
GRACE = 5.0


class Run:
    """One call of a task that runs now.

    :ivar outcome: a Deferred of what the call returns, or of its error.
    """

    def __init__(self, task: Task[Any, Any], clock: Any) -> None:
        self.task = task
        self.outcome: Deferred[Any] = Deferred(lambda _: self.end(WorkerShutdown("cancelled")))
        self._clock = clock
        self._inner: Deferred[Any] | None = None
        self._why: BaseException | None = None
        self._timer: Any = None

    def watch(self, inner: Deferred[Any]) -> None:
        """Follow what really runs, within the task's time."""
        self._inner = inner
        inner.addBoth(self._inner_done)
        if self.task.timeout is not None and not self.outcome.called:
            self._timer = self._clock.callLater(self.task.timeout, self._time_out)

    def why(self) -> BaseException | None:
        """What a cancelled async task is told."""
        return self._why

    @property
    def interrupted(self) -> bool:
        """Whether it was told to end."""
        return self._why is not None

    def end(self, why: BaseException) -> None:
        """Tell the call to end. What can't be told is left to itself; either way it has failed."""
        if self.outcome.called or self._why is not None:
            return
        self._why = why
        self._stop_timer()
        if self.task.isolation == "thread":
            self._give(Failure(why))
            return
        self._timer = self._clock.callLater(GRACE, self._give, Failure(why))
        if self._inner is not None:
            self._inner.cancel()

    def _time_out(self) -> None:
        self.end(PermanentFailure(f"{self.task.name} timed out after {self.task.timeout:g} s"))

    def _inner_done(self, result: Any) -> None:
        self._stop_timer()
        self._give(result if self._why is None else Failure(self._why))

    def _give(self, result: Any) -> None:
        if not self.outcome.called:
            self.outcome.callback(result)

    def _stop_timer(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()


class TaskRunner:
    """Runs the calls of tasks in this process.

    :param clock: the reactor; for time-outs and for what comes back from threads.
    :param threads: how many tasks run in threads at the same time, at most.
    """

    log = Logger()

    def __init__(self, clock: Any, threads: int = 8) -> None:
        self.threads = Threads(clock, threads, "tasks")
        #: The calls that run now.
        self.running: set[Run] = set()
        #: How many calls took longer than their time.
        self.timed_out = 0
        self._clock = clock

    def start(self) -> None:
        """Be ready to run tasks."""
        self.threads.start()

    def stop(self) -> None:
        """Let go of the threads; call it when nothing runs, or nothing that runs is waited for."""
        self.interrupt()
        self.threads.stop()

    def interrupt(self) -> None:
        """Raise WorkerShutdown in every async task that runs; threads can't be told."""
        for run in list(self.running):
            run.end(WorkerShutdown("the worker stops"))

    async def run(
        self, task: Task[Any, Any], args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Any:
        """Call a task, wherever it has to run.

        :return: what it returns.
        :raise PermanentFailure: it took longer than its ``timeout``.
        :raise WorkerShutdown: it was interrupted.
        :raise Exception: whatever it raises.
        """
        in_thread = task.isolation == "thread"
        if in_thread:
            await self.threads.free()
        run = Run(task, self._clock)
        self.running.add(run)
        try:
            run.watch(self._started(run, in_thread, args, kwargs))
            return _a_value(task, await run.outcome)
        finally:
            self.running.discard(run)
            if isinstance(run.why(), PermanentFailure):
                self._count_time_out(task)

    def _started(
        self, run: Run, in_thread: bool, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Deferred[Any]:
        function: Callable[..., Any] = run.task.function
        if in_thread:
            return self.threads.run(function, *args, **kwargs)
        if run.task.is_async:
            made = interruptible(function(*args, **kwargs), run.why)
            return Deferred.fromCoroutine(made)
        done: Deferred[Any] = Deferred()
        done.addCallback(lambda _: function(*args, **kwargs))
        done.callback(None)
        return done

    def _count_time_out(self, task: Task[Any, Any]) -> None:
        self.timed_out += 1
        if task.isolation == "thread":
            self.log.warn(
                "{task} took longer than {timeout:g} s; its thread goes on ({busy} of {size} busy)",
                task=task.name,
                timeout=task.timeout,
                busy=self.threads.busy,
                size=self.threads.size,
            )


def _a_value(task: Task[Any, Any], value: Any) -> Any:
    if inspect.isawaitable(value) or isinstance(value, Deferred):
        if inspect.iscoroutine(value):
            value.close()
        raise PermanentFailure(f"{task.name} returned something to wait for: make it async def")
    return value
