"""Tasks that run where the test runs, whatever they are isolated by, with no reactor."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from copy import copy
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.python.failure import Failure

from pipeline.applications.tasks import TaskApplication
from pipeline.crew import Work
from pipeline.middleware.stack import MiddlewareStack
from pipeline.tasks.call import unpacked
from pipeline.tasks.client import Client
from pipeline.tasks.current import CurrentTask
from pipeline.tasks.middleware import TaskStack
from pipeline.tasks.registry import Task
from pipeline.tasks.runner import TaskRunner
from pipeline.tasks.sync import SyncSender
from pipeline.testing.times import ManualTime, Soon
from pipeline.threads import awaited

__all__ = ["InPlaceClient", "InPlaceSyncSender", "InPlaceTasks"]

T = TypeVar("T")


class InPlaceTasks(TaskApplication):
    """The application that runs tasks, in this thread all of them; on a Clock."""

    async def setup_application(self) -> None:
        """Send what plain tasks send without the reactor, too."""
        self.client = InPlaceClient(self, self._stack)
        await super().setup_application()

    def make_runner(self, stack: TaskStack) -> TaskRunner:
        """One without threads and processes."""
        return _Runner(self.clock, stack=stack, crew=_NoThreads, pool=_NoThreads)


class InPlaceClient(Client):
    """Sends calls, also for plain code in the reactor's own thread; on a Clock.

    The parameters are those of :class:`pipeline.tasks.client.Client`.
    """

    def __init__(self, runtime: Any, stack: MiddlewareStack | None = None) -> None:
        super().__init__(runtime, stack)
        self._time = ManualTime(runtime.clock)

    def wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """What a coroutine comes to; the clock is turned if it needs that."""
        return Soon(coroutine, self._time).now()


class InPlaceSyncSender(SyncSender):
    """Sends what synchronous code sends, and runs what is queued when that waits for a result.

    :param client: sends it.
    :param run: runs all that is due.
    """

    def __init__(self, client: InPlaceClient, run: Callable[[], object]) -> None:
        super().__init__(_made_before)
        self._client = client
        self._run = run

    def run(self, work: Callable[[Client], Coroutine[Any, Any, T]]) -> T:
        """Do something with the client."""
        return self._client.wait(work(self._client))

    def wait_for(self, is_there: Callable[[], bool], seconds: float | None) -> bool:
        """Run what is queued; whether a claim is true then.

        :raise AssertionError: it is not, and who waits would wait for ever.
        """
        if not is_there():
            self._run()
        if seconds is None and not is_there():
            raise AssertionError("no result is there when all calls that are due have run")
        return is_there()


class _Runner(TaskRunner):
    """Runs every task here and now."""

    async def _run_in_child(self, task: Task[Any, Any], call: CurrentTask, is_awaited: bool) -> Any:
        call.args, call.kwargs = unpacked(task, call.args, call.kwargs)
        twin = copy(task)
        twin.isolation = "thread"
        return await self.run(twin, call)

    def _wait(self, awaitable: Any) -> Any:
        return Soon(awaited(awaitable), ManualTime(self._clock)).now()


class _NoThreads:
    """Stands where threads do, those of tasks and others, and runs functions at once."""

    def __init__(self, reactor: Any, size: int, name: str, each: int = 1) -> None:
        self.size = size
        self.busy = 0

    def start(self) -> None:
        """Nothing is to be done, as in the other ways."""

    stop = give_back = start

    async def free(self) -> None:
        """There is room."""

    free_first = free

    def run(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Deferred[Any]:
        """Run a function."""
        return maybeDeferred(function, *args, **kwargs)

    run_free = run

    def do(self, ended: Callable[[Any], object], function: Callable[..., Any], *args: Any) -> Work:
        """Run a function, in a context of its own."""
        work = Work(ended, function, args, 0.0)
        try:
            work.result = work.context.run(function, *args)
        except BaseException:  # noqa: BLE001  # as in a thread
            work.result = Failure()
        work.is_over = True
        ended(work.result)
        return work

    do_first = do

    def withdraw(self, work: object) -> bool:
        """Nothing waits."""
        return False


def _made_before() -> Any:
    raise AssertionError("the client is there already")
