"""Tasks in a test: what is sent is queued, and run when the test says so."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from itertools import count
from typing import Any

from pipeline.applications.tasks import TaskApplication
from pipeline.tasks.client import Client
from pipeline.tasks.collecting import collect
from pipeline.tasks.registry import Task, all_known
from pipeline.tasks.sender import bind, bind_sync, unbind, unbind_sync
from pipeline.testing.ended import EndedCall, EndedCalls
from pipeline.testing.inplace import InPlaceClient, InPlaceSyncSender, InPlaceTasks
from pipeline.testing.places import InMemory
from pipeline.testing.workers import WorkerHelper

__all__ = ["TaskHelper"]

#: Tells the workers of all helpers of a process apart.
_numbers = count(1)


class TaskHelper(WorkerHelper):
    """Queues the calls of tasks that the code under test sends, and runs them.

    From its making to its cleanup ``some_task.send(..)`` puts calls on the broker in memory; on a
    Clock ``some_task.send_sync(..)`` does, too. :meth:`run` runs all that are due, through the real
    worker; the lists :attr:`succeeded`, :attr:`failed` and :attr:`cancelled` have the calls that
    have ended. The names are those of redis-tasks' TestWorker.

    On a Clock every task runs here, in this thread, also one that is isolated: neither threads nor
    processes nor a reactor are needed, and a plain function can't be broken off by its ``timeout``.
    With ``place=InMemory(reactor)`` threads and processes are real, the tasks must be at the top of
    a module, and everything is awaited.

    :param tasks: the tasks that are run, or dotted paths as a worker's option ``tasks``; none: all
        that are known when they are run.
    :param middleware: task middleware, or any other: classes, or entries as of a worker's option.
    :param config: other options of the workers, one for each queue of the tasks.
    :param place: an InMemory, as that of an ApplicationHelper whose application sends the calls.
    :raise TypeError: the place is no InMemory.
    """

    def __init__(
        self,
        *tasks: Task[Any, Any] | str,
        middleware: Sequence[Any] = (),
        config: Mapping[str, Any] | None = None,
        place: InMemory | None = None,
    ) -> None:
        if not isinstance(place, InMemory | None):
            raise TypeError(f"TaskHelper works in memory, got {place!r}")
        self._tasks = [each for given in tasks for each in collect(given)]
        super().__init__("tasks", place=place)
        options = config or {}
        entries = [*options.get("middleware", ()), *(_entry(each) for each in middleware)]
        self._options_of_all = {**options, "middleware": entries}
        self._serving: dict[str, TaskApplication] = {}
        self._is_passing = False
        self._ended = EndedCalls()
        self._ended.open()
        self._bind()

    def _bind(self) -> None:
        runtime = self.soon(self.place.runtime()).now()
        self.client = InPlaceClient(runtime) if self.place.is_manual else Client(runtime)
        bind(self.client)
        self._sync_sender: InPlaceSyncSender | None = None
        if isinstance(self.client, InPlaceClient):
            self._sync_sender = InPlaceSyncSender(self.client, self.run)
            bind_sync(self._sync_sender)

    def run(self) -> Any:
        """Run all calls that are due, those that they send included.

        What is delayed, or tried again later, is not due; see :meth:`advance`. Time passes only
        while a task that has begun waits for it, up to a minute.

        :return: how many calls have ended; may be awaited, and in real time must be.
        :raise AssertionError: a call that has begun doesn't end.
        """
        return self._had(self._passed(0, is_whole=True))

    def advance(self, seconds: float = 0) -> Any:
        """Let time pass, and run the calls that become due: delayed, retried, or of a schedule.

        A schedule begins when calls are first run, or time first passes.

        :return: as of :meth:`run`; calls that have begun may go on.
        """
        return self._had(self._passed(seconds, is_whole=False))

    kick_delivery = advance

    # What has ended ----------------------------------------------------------------------------

    @property
    def succeeded(self) -> list[EndedCall]:
        """The calls that have finished. Errors of their earlier attempts count as looked at."""
        return self._looked_at("finished")

    @property
    def failed(self) -> list[EndedCall]:
        """The calls that have failed for good, with their errors, which count as looked at.

        A test in which a call failed, and that hasn't looked, fails.
        """
        return self._looked_at("failed")

    @property
    def cancelled(self) -> list[EndedCall]:
        """The calls that were cancelled, have expired, or were dropped."""
        return self._looked_at("cancelled")

    def _looked_at(self, state: str) -> list[EndedCall]:
        calls = self._ended.that(state)
        self.place.mishaps.forget({each.id for each in calls})
        return calls

    # Running -----------------------------------------------------------------------------------

    def _had(self, passing: Any) -> Any:
        soon = self.soon(passing, what=self._told)
        return _Count(soon.now()) if self.place.is_manual else soon

    async def _passed(self, seconds: float, *, is_whole: bool) -> int:
        if self._is_passing:
            raise RuntimeError("a TaskHelper runs calls already: a task can't wait for others here")
        before, self._is_passing = len(self._ended), True
        try:
            await self._read()
            await self.place.time.elapse(seconds)
            if is_whole:
                await self.place.time.until(self._is_done, self._told)
        finally:
            self._is_passing = False
            for worker in self._serving.values():
                worker.pause_connectors()  # what has begun may go on
        return len(self._ended) - before

    async def _read(self) -> None:
        """Have a worker that reads for each queue, with the tasks that are known by now."""
        by_queue: dict[str, list[Task[Any, Any]]] = {}
        for each in self._tasks or all_known():
            by_queue.setdefault(each.queue, []).append(each)
        for queue, tasks in by_queue.items():
            worker = self._serving.get(queue)
            if worker is not None and list(worker.tasks.values()) == tasks:
                worker.unpause_connectors()
                continue
            if worker is not None:
                await self._cleanup_worker(self._serving.pop(queue), 0)
            self._serving[queue] = await self._worker(queue, tasks)

    async def _worker(self, queue: str, tasks: list[Task[Any, Any]]) -> TaskApplication:
        name = f"{queue}-{next(_numbers)}"
        self._ended.workers.add(name)
        is_manual = self.place.is_manual
        kind = InPlaceTasks if is_manual else TaskApplication
        served = tasks if is_manual else [_dotted(each) for each in tasks]
        options = {"transport_name": queue, **self._options_of_all, "tasks": served}
        return await self._get_worker(kind, name, options, True, None)

    async def _is_done(self) -> bool:
        if self.place.is_manual:  # what was due has begun
            return not any(worker.runner.running for worker in self._serving.values())
        for worker in self._serving.values():
            for queue in worker.connector.reads:
                depth = await self.place.traffic.depth(queue)
                if depth.waiting or depth.in_hand:
                    return False
        return True

    def _told(self) -> str:
        runs = [run for worker in self._serving.values() for run in worker.runner.running]
        return f"the end of {', '.join(run.task.name for run in runs) or 'all calls'}"

    async def _cleanup(self) -> None:
        unbind(self.client)
        if self._sync_sender is not None:
            unbind_sync(self._sync_sender)
        self._ended.close()
        try:
            await self.client.stop()
        finally:
            await super()._cleanup()


class _Count(int):
    """A number that is there, and may be awaited all the same."""

    def __await__(self) -> Generator[Any, None, int]:
        yield from ()
        return int(self)


def _dotted(task: Task[Any, Any]) -> str:
    """Where a process finds a task."""
    return f"{task.function.__module__}.{task.function.__qualname__}"


def _entry(middleware: Any) -> Any:
    """A class, as an entry of a worker's option ``middleware``."""
    return {middleware.__name__: middleware} if isinstance(middleware, type) else middleware
