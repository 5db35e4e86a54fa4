"""Runs tasks: async ones in the reactor, others in threads or processes; each within its time.

An inline plain function may return a Deferred, in Twisted's own way. Task middleware runs where
its task runs: in the same thread, if all of it is plain; around an async task it stays in the
reactor, and what may block goes to threads of a pool of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, DeferredList, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from pipeline.crew import Crew, Work
from pipeline.delivery import Apart, Delivery, current
from pipeline.eager import eager
from pipeline.errors import PermanentFailure, TaskCancelled, WorkerShutdown
from pipeline.tasks.calling import called, called_through
from pipeline.tasks.current import CurrentTask, running
from pipeline.tasks.interruptible import interruptible
from pipeline.tasks.middleware import ExcInfo, TaskStack
from pipeline.tasks.processes.pool import ProcessPool
from pipeline.tasks.processes.process import Child
from pipeline.tasks.registry import Task
from pipeline.tasks.run import RUNS, Run
from pipeline.tasks.shutdown import guard
from pipeline.threads import Threads, awaited, wait_in_thread

__all__ = ["TaskRunner"]


class TaskRunner:
    """Runs the calls of tasks in this process.

    :param clock: the reactor; for time-outs and for what comes back from threads.
    :param threads: how many tasks run in threads at the same time, at most.
    :param stack: the task middleware that calls pass.
    :param middleware_threads: around how many calls at the same time blocking middleware may run
        in threads, where tasks don't; what is beyond waits.
    :param processes: where tasks with ``isolation="process"`` run; None: there are none.
    :param crew: makes the threads of tasks: :class:`~pipeline.crew.Crew`, or what takes its place.
    :param pool: makes those of middleware: :class:`~pipeline.threads.Threads`, or the same.
    """

    log = Logger()

    def __init__(
        self,
        clock: Any,
        threads: int = 8,
        stack: TaskStack | None = None,
        middleware_threads: int = 8,
        processes: ProcessPool | None = None,
        crew: Callable[..., Any] = Crew,
        pool: Callable[..., Any] = Threads,
    ) -> None:
        self.stack = TaskStack(()) if stack is None else stack
        self.threads = crew(clock, threads, "tasks")
        # As many threads as that many calls can need, so that none waits for another's.
        self._around = pool(clock, middleware_threads, "middleware", max(1, self.stack.threads))
        self.processes = processes
        #: The calls that run now.
        self.running: set[Run] = set()
        #: The calls that are over and whose threads go on, with their tasks' names.
        self.stuck: dict[Run, str] = {}
        #: How many calls took longer than their time.
        self.timed_out = 0
        self._clock = clock

    def start(self) -> Deferred[None]:
        """Be ready to run tasks.

        :return: fires when it is.
        """
        self.threads.start()
        self._around.start()
        return (
            succeed(None)
            if self.processes is None
            else Deferred.fromCoroutine(self.processes.start())
        )

    def stop(self) -> Deferred[None]:
        """Let go of threads and processes.

        Call it when nothing runs, or nothing that runs is waited for.

        :return: fires when the processes have ended.
        """
        self.interrupt()
        self.threads.stop()
        self._around.stop()
        return (
            succeed(None)
            if self.processes is None
            else Deferred.fromCoroutine(self.processes.stop())
        )

    def interrupt(self) -> None:
        """Raise WorkerShutdown in every task that runs in the reactor or in a process.

        Threads can't be told: their calls have ended for who waits for them here.
        """
        for run in list(self.running):
            run.end(WorkerShutdown("the worker stops"))

    def postponed(self) -> Deferred[Any] | None:
        """Fires when no call is in a PostponeShutdown block any more; None if none is."""
        held = [run for run in self.running if run.is_held]
        if not held:
            return None
        return DeferredList([run.outcome() for run in held], consumeErrors=True)

    def cancel(self, call_id: str) -> None:
        """Make an end of a call, if it runs here: TaskCancelled is raised in it.

        A thread can't be told: its call has ended here.
        """
        for run in list(self.running):
            if run.call_id == call_id:
                run.end(TaskCancelled(f"{run.task.name} was cancelled"))

    async def run(self, task: Task[Any, Any], call: CurrentTask, *, is_awaited: bool = True) -> Any:
        """Call a task, wherever it has to run, through its middleware.

        :param is_awaited: whether anybody wants what it returns, which from a process has to
            travel; else that may give None.
        :return: what it returns.
        :raise TaskAborted: it took longer than its ``timeout``; or it was interrupted, and must not
            be run twice.
        :raise WorkerShutdown: it was interrupted, and may be run again.
        :raise Exception: whatever it raises.
        """
        running.set(call)
        if task.isolation == "process":
            return await self._run_in_child(task, call, is_awaited)
        in_thread = task.isolation == "thread" and self.stack.blocks
        around = self._around if self.stack.threads and not in_thread else None
        if around is not None:
            await (around.free_first() if task.is_urgent else around.free())
        run = Run(task, self._clock, call)
        self.running.add(run)
        try:
            self._start(run, call, in_thread)
            result = run.result
            if result is RUNS or type(result) is Failure:
                result = await self._outcome(run)
            return result
        finally:
            self.running.discard(run)
            if around is not None:
                around.give_back()
            if run.is_timed_out:
                self._count_time_out(task, run)

    async def _run_in_child(self, task: Task[Any, Any], call: CurrentTask, is_awaited: bool) -> Any:
        pool = self.processes
        if pool is None:
            raise PermanentFailure(f"{task.name}: there are no processes for tasks here")
        child = await (pool.free_first() if task.is_urgent else pool.free())
        run = Run(task, self._clock, call)
        self.running.add(run)
        try:
            run.watch(child.call(call, is_awaited))
            run.stop_by(partial(_stop_child, pool, child, run))
            return await self._outcome(run)
        finally:
            self.running.discard(run)
            pool.give_back(child)
            if run.is_timed_out:
                self._count_time_out(task, run)

    async def judge(self, call: CurrentTask, exc_info: ExcInfo) -> ExcInfo:
        """Give an outcome to the ``process_outcome`` of all middleware.

        :return: what is left of it.
        """
        running.set(call)
        await self._around.free()
        try:
            return await self.stack.judge(call, exc_info, self._in_thread, self._wait)
        finally:
            self._around.give_back()

    async def _outcome(self, run: Run) -> Any:
        try:
            return await run.outcome()
        except CancelledError:
            # Nobody waits any more, or the task itself was cancelled; then this changes nothing.
            run.end(WorkerShutdown("the worker stops"))
            return await run.outcome()
        except (Exception, GeneratorExit):
            raise
        except BaseException as error:
            # As SystemExit: a task ends itself, never the worker.
            raise PermanentFailure(f"{run.task.name} raised {error!r}") from error

    def _start(self, run: Run, call: CurrentTask, in_thread: bool) -> None:
        if in_thread:
            self._alone(run, call)
        elif self.stack.runs:
            run.watch(Deferred.fromCoroutine(self._passed(run, call)))
        elif run.task.is_async:
            run.watch(self._begun(run, call))
        else:
            run.watch(run.follow(self._innermost(run.task, run)(*call.args, **call.kwargs)))

    def _begun(self, run: Run, call: CurrentTask) -> Any:
        """What an async task comes to at once, as many do, or a Deferred of it."""
        guard.set(run)
        try:
            task = run.task.function(*call.args, **call.kwargs)
            begun = eager(interruptible(task, run.reason))
        except BaseException:  # noqa: BLE001  # whatever it is, the call has come to it
            return Failure()
        return run.follow(begun) if isinstance(begun, Deferred) else begun

    async def _passed(self, run: Run, call: CurrentTask) -> Any:
        """What the task returned the last time that middleware ran it; None if it never did."""
        innermost = self._innermost(run.task, run)
        value = None

        async def follow(*args: Any, **kwargs: Any) -> None:
            nonlocal value
            value = await run.follow(innermost(*args, **kwargs))

        await self.stack.run(call, follow, call.args, call.kwargs, self._in_thread, self._wait)
        return value

    def _innermost(self, task: Task[Any, Any], run: Run) -> Callable[..., Deferred[Any]]:
        """The task itself, without middleware."""
        function: Callable[..., Any] = task.function
        if task.isolation == "thread":
            return lambda *args, **kwargs: Deferred.fromCoroutine(self._threaded(run, args, kwargs))
        guard.set(run)
        if task.is_async:
            return lambda *args, **kwargs: Deferred.fromCoroutine(
                interruptible(function(*args, **kwargs), run.reason)
            )
        return partial(_inline, function)

    async def _threaded(self, run: Run, args: Any, kwargs: Any) -> Any:
        done: Deferred[Any] = Deferred()
        self._apart(run, done.callback, called, run.task, args, kwargs)
        return await done

    def _alone(self, run: Run, call: CurrentTask) -> None:
        """Run a call with all that is around it in a thread; it begins when one is free."""
        given: tuple[Any, ...] = (called, run.task, call.args, call.kwargs)
        if self.stack.runs:
            function = partial(called, run.task)
            given = (called_through, self.stack, function, call, self._wait)
        work = self._apart(run, run.ended, *given)
        run.begins_with(work, self.threads.withdraw)
        run.limit()

    def _apart(
        self, run: Run, ended: Callable[[Any], object], function: Callable[..., Any], *args: Any
    ) -> Work:
        """Run in a thread, with a part of the delivery that is given up when its call is over."""
        delivery = current.get()
        twin = None if delivery is None else delivery.apart()

        def came_back(result: Any) -> None:
            self.stuck.pop(run, None)
            if twin is not None and delivery is not None and not run.is_over:
                delivery.adopt(twin)
            ended(result)

        do = self.threads.do_first if run.task.is_urgent else self.threads.do
        work: Work = do(came_back, _within, twin, function, args)
        run.when_over(partial(self._left, run, work, twin))
        return work

    def _left(self, run: Run, work: Work, twin: Apart | None) -> None:
        """A call is over; if its thread goes on, that is one less for others."""
        if twin is not None:
            twin.close()
        if work.is_over or self.threads.withdraw(work):
            return
        self.stuck[run] = run.task.name
        if len(self.stuck) >= self.threads.size:
            names = ", ".join(sorted(set(self.stuck.values())))
            self.log.error(
                "all {size} threads are held by calls that are over, of {names}: no task can run in"
                " a thread until one of them ends",
                size=self.threads.size,
                names=names,
            )

    def _in_thread(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return self._around.run_free(function, *args, **kwargs)

    def _wait(self, awaitable: Any) -> Any:
        return wait_in_thread(self._clock, awaited(awaitable))

    def _count_time_out(self, task: Task[Any, Any], run: Run) -> None:
        self.timed_out += 1
        if task.isolation == "thread":
            self.log.warn(
                "{task} took longer than {timeout:g} s; its thread goes on ({busy} of {size} busy)",
                task=task.name,
                timeout=run.timeout,
                busy=self.threads.busy,
                size=self.threads.size,
            )


def _within(delivery: Delivery | None, function: Callable[..., Any], args: Any) -> Any:
    """Call a function that handles this delivery; in a context of its own."""
    current.set(delivery)
    return function(*args)


def _inline(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Deferred[Any]:
    done: Deferred[Any] = Deferred()
    done.addCallback(lambda _: function(*args, **kwargs))
    done.callback(None)
    return done


def _stop_child(pool: ProcessPool, child: Child, run: Run) -> None:
    why = run.reason()
    if run.is_timed_out or why is None:
        pool.kill(child)
    else:
        child.tell(why)
