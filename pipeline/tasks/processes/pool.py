"""A pool of child processes, kept warm."""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Iterable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from pipeline.errors import ConfigError, RetryLater
from pipeline.tasks.middleware import TaskStack
from pipeline.tasks.processes.factories import named
from pipeline.tasks.processes.options import ProcessesConfig, ProcessPoolOptions
from pipeline.tasks.processes.process import Child
from pipeline.tasks.processes.sending import sent_for
from pipeline.tasks.processes.wire import Answer, Setup
from pipeline.tasks.registry import Task
from pipeline.tasks.states.progress import reporter
from pipeline.tasks.states.status import Progress
from pipeline.threads import threaded

__all__ = ["PUT_OFF", "ProcessPool", "pool_for"]

#: Seconds after which a call is tried again for which no child could be started.
PUT_OFF = 10.0
#: Seconds before a child that could not start is started again: at first, and at most.
AGAIN, AGAIN_AT_MOST = 0.1, 10.0
#: How often as many as there may be must die in their start, until none can be started.
TRIES = 3
#: Seconds that a child has to end by itself when the pool stops.
PATIENCE = 5.0


class ProcessPool:
    """Gives children to calls; what comes when all are busy waits for one.

    A child that dies is replaced. While none can be started, calls are put off.

    :param reactor: where it all happens; for a Clock, the reactor that is installed.
    :ivar counts: how many children were ``started``, have ``died`` by themselves, were
        ``recycled``, were ``killed`` with their calls, and ``failed`` to start.
    """

    log = Logger("pipeline.tasks")

    def __init__(self, reactor: Any, options: ProcessPoolOptions) -> None:
        self.options = options
        self.size = options.processes or os.cpu_count() or 1
        self.counts: Counter[str] = Counter()
        self._reactor = threaded(reactor)
        #: All that have not ended, and what kills those that should have by now.
        self._children: dict[Child, Any] = {}
        self._idle: deque[Child] = deque()
        self._waiting: deque[Deferred[Child]] = deque()
        #: Those who go before the others.
        self._first: deque[Deferred[Child]] = deque()
        self._is_running = False
        self._begun: Deferred[None] | None = None
        self._over: Deferred[None] | None = None
        #: Why no child could be started, and how often in a row.
        self._broken: BaseException | None = None
        self._failures = 0
        self._later: Any = None

    @property
    def children(self) -> list[Child]:
        """All that have not ended."""
        return list(self._children)

    @property
    def idle(self) -> int:
        """How many children wait for a call."""
        return len(self._idle)

    @property
    def running(self) -> int:
        """How many children have a call."""
        return sum(child.is_busy for child in self._children)

    async def start(self) -> None:
        """Start the children; one of them is ready at the end.

        :raise ConfigError: it can't be: a task, a middleware or ``preload`` can't be imported or
            called there.
        """
        self._is_running = True
        begun = self._begun = Deferred()
        self._fill()
        try:
            await begun
        except CancelledError:
            await self.stop()
            raise
        except Exception as error:
            await self.stop()
            raise ConfigError(f"a process for tasks can't start: {error}") from error

    async def stop(self) -> None:
        """End all children; those that have a call, at once."""
        self._is_running = False
        if self._later is not None and self._later.active():
            self._later.cancel()
        self._refuse("the worker stops")
        self._idle.clear()
        for child in list(self._children):
            if child.is_busy or not child.is_ready:
                self.kill(child)
            elif not child.is_ending:
                self._retire(child)
        if self._children:
            self._over = Deferred()
            await self._over

    async def free(self) -> Child:
        """Wait for a child that has no call, and take it. :meth:`give_back` must follow.

        :raise RetryLater: no child can be started now.
        """
        return await self._take(self._waiting)

    async def free_first(self) -> Child:
        """As :meth:`free`, but before all who wait by that."""
        return await self._take(self._first)

    async def _take(self, line: deque[Deferred[Child]]) -> Child:
        while self._idle:
            child = self._idle.popleft()
            if not child.has_ended():  # of others the pool is told soon
                return child
        if not self._is_running or (self._broken is not None and not self._has_ready()):
            raise self._put_off(str(self._broken))
        waiting: Deferred[Child] = Deferred(line.remove)
        line.append(waiting)
        return await waiting

    def give_back(self, child: Child) -> None:
        """Have a child for others. One whose call goes on is killed."""
        if child.is_busy:
            self.kill(child)
        elif child.is_ending or child.has_ended():
            return
        elif self._is_worn(child):
            self.counts["recycled"] += 1
            self._retire(child)
            self._fill()
        else:
            self._give(child)

    def kill(self, child: Child) -> None:
        """Kill a child, and with it its call."""
        if child.is_busy and not child.is_ending:
            self.counts["killed"] += 1
        child.kill()

    # What children say ---------------------------------------------------------------------------

    def ready(self, child: Child) -> None:
        """See :class:`~pipeline.tasks.processes.process.ChildEvents`."""
        self._broken = None
        self._failures = 0
        self._give(child)
        self._tell_begun(None)

    def gone(self, child: Child, why: BaseException) -> None:
        """See :class:`~pipeline.tasks.processes.process.ChildEvents`."""
        killer = self._children.pop(child)
        if killer is not None and killer.active():
            killer.cancel()
        if child in self._idle:
            self._idle.remove(child)
        if not child.is_ready and not child.is_ending:
            self._not_started(child, why)
        elif not child.is_ending:
            self.counts["died"] += 1
            self.log.warn("a process for tasks died: {why}", why=why)
        if self._over is not None and not self._children:
            self._over.callback(None)
        self._refill(AGAIN if child.is_ready and not child.calls else 0)

    async def send(self, steps: list[tuple[str, bytes]], options: dict[str, Any]) -> Answer:
        """See :class:`~pipeline.tasks.processes.process.ChildEvents`."""
        return await sent_for(steps, options)

    def progress(self, values: list[Any]) -> None:
        """See :class:`~pipeline.tasks.processes.process.ChildEvents`."""
        report = reporter.get()
        if report is not None:
            report(Progress(*values))

    # How many there are --------------------------------------------------------------------------

    def _fill(self) -> None:
        """Start as many as are missing."""
        living = sum(not child.is_ending for child in self._children)
        for _ in range(self.size - living if self._is_running else 0):
            child = Child(self._setup(), self)
            self._children[child] = None
            try:
                child.spawn(self._reactor)
            except OSError as error:
                self.gone(child, error)
                return  # it comes again, later
            self.counts["started"] += 1

    def _refill(self, delay: float) -> None:
        if self._failures:
            delay = min(AGAIN * 2 ** (self._failures // self.size), AGAIN_AT_MOST)
        if not delay:
            self._fill()
        elif self._is_running and (self._later is None or not self._later.active()):
            self._later = self._reactor.callLater(delay, self._fill)

    def _setup(self) -> Setup:
        options = self.options
        return Setup(
            tasks=options.tasks,
            middleware=options.middleware,
            worker=options.worker,
            preload=options.preload,
            environment={"PYTHONPATH": os.environ.get("PYTHONPATH")},
            is_measured=options.recycle_memory is not None,
        )

    def _is_worn(self, child: Child) -> bool:
        calls, memory = self.options.recycle_calls, self.options.recycle_memory
        is_old = calls is not None and child.calls >= calls
        return is_old or (memory is not None and child.memory > memory)

    def _retire(self, child: Child) -> None:
        child.retire()
        self._children[child] = self._reactor.callLater(PATIENCE, child.kill)

    def _not_started(self, child: Child, why: BaseException) -> None:
        self.counts["failed"] += 1
        self._failures += 1
        self.log.error("a process for tasks could not start: {why}", why=why)
        if not child.has_refused and self._failures < TRIES * self.size:
            return  # somebody may have killed it
        self._broken = why
        self._tell_begun(why)
        if not self._has_ready():
            self._refuse(str(why))

    # Who waits -----------------------------------------------------------------------------------

    def _give(self, child: Child) -> None:
        if not self._is_running:
            return
        line = self._first or self._waiting
        if line:
            line.popleft().callback(child)
        else:
            self._idle.append(child)

    def _refuse(self, why: str) -> None:
        """Put off all that waits."""
        waiting = [*self._first, *self._waiting]
        self._first.clear()
        self._waiting.clear()
        for each in waiting:
            each.errback(self._put_off(why))

    def _put_off(self, why: str) -> RetryLater:
        return RetryLater(PUT_OFF, f"no process for tasks: {why}")

    def _has_ready(self) -> bool:
        return any(child.is_ready and not child.is_ending for child in self._children)

    def _tell_begun(self, result: Any) -> None:
        begun, self._begun = self._begun, None
        if begun is not None:
            begun.callback(Failure(result) if result is not None else None)


def pool_for(
    config: ProcessesConfig,
    worker: str,
    tasks: Iterable[Task[Any, Any]],
    stack: TaskStack,
    clock: Any,
) -> ProcessPool | None:
    """The pool that a worker needs; None if no task wants to run in a process.

    :param worker: its name.
    :raise ConfigError: a middleware can't be made in a process.
    """
    if all(each.isolation != "process" for each in tasks):
        return None
    return ProcessPool(clock, ProcessPoolOptions.of(config, named(stack.around), worker))
