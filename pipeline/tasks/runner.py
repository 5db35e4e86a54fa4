"""Runs tasks: async ones in the reactor, the others in threads; each within its time.

An inline plain function may return a Deferred, in Twisted's own way.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, fail, succeed
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
    """One call of a task that runs now."""

    def __init__(self, task: Task[Any, Any], clock: Any) -> None:
        self.task = task
        #: What a call that was told to end is told; None while it may go on.
        self.why: BaseException | None = None
        self.is_timed_out = False
        self._clock = clock
        self._inner: Deferred[Any] | None = None
        self._timer: Any = None
        self._result: list[Any] = []
        self._waiting: list[Deferred[Any]] = []

    def watch(self, inner: Deferred[Any]) -> None:
        """Follow what really runs, within the task's time."""
        self._inner = inner
        inner.addBoth(self._inner_done)
        if self.task.timeout is not None and not self._result:
            self._timer = self._clock.callLater(self.task.timeout, self._time_out)

    def outcome(self) -> Deferred[Any]:
        """What the call returns, or its error. To cancel this has no effect on the call."""
        if self._result:
            return _fired(self._result[0])
        waiting: Deferred[Any] = Deferred(self._waiting.remove)
        self._waiting.append(waiting)
        return waiting

    def end(self, why: BaseException) -> None:
        """Tell the call to end. A thread can't be told; it is left to itself, and has failed."""
        if self._result or self.why is not None:
            return
        self.why = why
        self._stop_timer()
        if self.task.isolation == "thread":
            self._give(Failure(why))
            return
        self._timer = self._clock.callLater(GRACE, self._give, Failure(why))
        if self._inner is not None:
            self._inner.cancel()

    def _time_out(self) -> None:
        self.is_timed_out = True
        self.end(PermanentFailure(f"{self.task.name} timed out after {self.task.timeout:g} s"))

    def _inner_done(self, result: Any) -> None:
        self._stop_timer()
        self._give(result if self.why is None else Failure(self.why))

    def _give(self, result: Any) -> None:
        if self._result:
            return
        self._result.append(result)
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each.callback(result)

    def _stop_timer(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()


def _fired(result: Any) -> Deferred[Any]:
    return fail(result) if isinstance(result, Failure) else succeed(result)


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
        """Raise WorkerShutdown in every async task that runs.

        Threads can't be told: of these, the calls of reentrant tasks end with WorkerShutdown
        too, and others have failed for good, as they must not run twice.
        """
        for run in list(self.running):
            run.end(_shutdown(run.task))

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
            return await self._outcome(run)
        finally:
            self.running.discard(run)
            if run.is_timed_out:
                self._count_time_out(task)

    async def _outcome(self, run: Run) -> Any:
        try:
            return await run.outcome()
        except CancelledError:
            # Nobody waits any more, or the task itself was cancelled; then this changes nothing.
            run.end(_shutdown(run.task))
            return await run.outcome()
        except (Exception, GeneratorExit):
            raise
        except BaseException as error:
            # As SystemExit: a task ends itself, never the worker.
            raise PermanentFailure(f"{run.task.name} raised {error!r}") from error

    def _started(
        self, run: Run, in_thread: bool, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Deferred[Any]:
        function: Callable[..., Any] = run.task.function
        if in_thread:
            return self.threads.run(_called, run.task, args, kwargs)
        if run.task.is_async:
            made = interruptible(function(*args, **kwargs), lambda: run.why)
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


def _shutdown(task: Task[Any, Any]) -> BaseException:
    if task.isolation == "thread" and not task.reentrant:
        return PermanentFailure(f"the worker stopped while {task.name} ran")
    return WorkerShutdown("the worker stops")


def _called(task: Task[Any, Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """What a task returns; runs in a thread, where nothing can be waited for."""
    value = task.function(*args, **kwargs)
    if inspect.isawaitable(value):
        if inspect.iscoroutine(value):
            value.close()
        raise PermanentFailure(f"{task.name} returned something to wait for: make it async def")
    return value
