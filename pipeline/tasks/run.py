"""One call of a task that runs now, and what ends it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.python.failure import Failure

from pipeline.crew import Work
from pipeline.errors import TaskAborted, TaskCancelled, WorkerShutdown
from pipeline.tasks.current import CurrentTask
from pipeline.tasks.registry import Task

__all__ = ["GRACE", "RUNS", "Run"]

#: Seconds that a call that was told to end gets to clean up, before it counts as ended.
GRACE = 5.0
#: The same for a process at the end of its worker, whose connector waits a second and then hands
#: the call to others: before that it must have failed, if it may not run twice.
LAST = 0.8
#: Instead of a result: there is none yet.
RUNS: Any = object()


class Run:
    """One call of a task that runs now, with the middleware around it.

    :param task: the task.
    :param clock: for its time.
    :param call: says which call it is, and how long it may take; None: as the task says.
    :ivar is_timed_out: it took longer than its ``timeout``.
    :ivar result: what it has come to, a Failure or what it returned; or :data:`RUNS`.
    """

    # What most calls have alike is the class's: there is one of them for each call.
    is_timed_out: bool = False
    result: Any = RUNS
    _why: BaseException | None = None
    _stop: Callable[[], None] | None = None
    _timer: Any = None
    _holds: int = 0
    _held_back: BaseException | None = None
    _work: Work | None = None
    _withdraw: Callable[[Work], bool] | None = None

    def __init__(self, task: Task[Any, Any], clock: Any, call: CurrentTask | None = None) -> None:
        self.task = task
        self.call_id = "" if call is None else call.id
        self.timeout = task.timeout if call is None else call.timeout
        self._clock = clock
        self._waiting: list[Deferred[Any]] = []
        self._after: list[Callable[[], object]] = []

    @property
    def is_over(self) -> bool:
        """Whether its outcome is known; a thread may go on all the same."""
        return self.result is not RUNS

    @property
    def is_held(self) -> bool:
        """Whether it is in a PostponeShutdown block."""
        return self._holds > 0

    def hold(self) -> None:
        """Raise no WorkerShutdown in it from now on."""
        self._holds += 1

    def release(self) -> None:
        """Raise it again; now, if it is due. Called inside of the task."""
        self._holds -= 1
        why, self._held_back = (None, self._held_back) if self._holds else (self._held_back, None)
        if why is None or self._why is not None:
            return
        # It runs right now, so that nothing is there to be cancelled.
        self._why = why
        self._stop_timer()
        self._timer = self._clock.callLater(GRACE, self._give, Failure(why))
        raise why

    def when_over(self, call: Callable[[], object]) -> None:
        """Call this when its outcome is known; at once, if it is."""
        if self.is_over:
            call()
        else:
            self._after.append(call)

    def reason(self) -> BaseException | None:
        """What a call that was told to end is told; None while it may go on."""
        return self._why

    def watch(self, whole: Any) -> None:
        """Follow the call, middleware and all, within the task's time.

        :param whole: a Deferred; or what it has come to already.
        """
        if isinstance(whole, Deferred):
            whole.addBoth(self.ended)
            self.limit()
        else:
            self.ended(whole)

    def limit(self) -> None:
        """Give it no more than its time, from now on."""
        if self.timeout is not None and self.result is RUNS:
            self._timer = self._clock.callLater(self.timeout, self._time_out)

    def begins_with(self, work: Work, withdraw: Callable[[Work], bool]) -> None:
        """Count its time from when a thread is there for this work.

        :param withdraw: has it end by a CancelledError, if it has not begun.
        """
        self._work, self._withdraw = work, withdraw

    def follow(self, inner: Deferred[Any]) -> Deferred[Any]:
        """Follow the task itself, which is what is cancelled when the call has to end."""
        self.stop_by(inner.cancel)
        return inner

    def stop_by(self, stop: Callable[[], None]) -> None:
        """Call this when the call has to end; at once, if it has already."""
        self._stop = stop
        if self._why is not None:
            stop()

    def outcome(self) -> Deferred[Any]:
        """What the call returns, or its error. To cancel this has no effect on the call."""
        if self.result is not RUNS:
            return _fired(self.result)
        waiting: Deferred[Any] = Deferred(self._waiting.remove)
        self._waiting.append(waiting)
        return waiting

    def end(self, why: BaseException) -> None:
        """Tell the call to end. A thread can't be told; it is left to itself, and has failed.

        What still waits for a thread has never begun: that is a CancelledError, whatever the why.
        A process is killed if it has not ended after its grace, and at once at its timeout.

        :param why: what is raised inside of the task.
        """
        if self.result is not RUNS or self._why is not None:
            return
        if self._holds and isinstance(why, WorkerShutdown):
            self._held_back = why
            return
        if self._withdraw is not None and self._work is not None and self._withdraw(self._work):
            return
        self._why = why
        self._stop_timer()
        if self.task.isolation == "thread":
            self._give(Failure(why))
            return
        is_last = self.task.isolation == "process" and isinstance(why, WorkerShutdown)
        self._timer = self._clock.callLater(LAST if is_last else GRACE, self._give, Failure(why))
        if self._stop is not None:
            self._stop()

    def ended(self, result: Any) -> None:
        """Be over, unless it is: it has come to this, a Failure or what it returned."""
        self._stop_timer()
        why = self._why
        told = isinstance(result, Failure) and result.check(
            CancelledError, WorkerShutdown, TaskCancelled
        )
        if why is not None and (told or self.is_timed_out):
            result = Failure(why)
        self._give(result)

    def _time_out(self) -> None:
        left = self._time_left()
        if left > 0:
            self._timer = self._clock.callLater(left, self._time_out)
            return
        self.is_timed_out = True
        self.end(TaskAborted(f"{self.task.name} timed out after {self.timeout:g} s"))

    def _time_left(self) -> float:
        """Seconds that it still has when its timer fires: it may have waited for a thread."""
        if self._work is None or self.timeout is None:
            return 0
        begun = self._work.begun_at
        return self.timeout if begun is None else begun + self.timeout - self._clock.seconds()

    def _give(self, result: Any) -> None:
        if self.result is not RUNS:
            return
        why = self._why
        if why is not None and isinstance(result, Failure) and result.value is why:
            result = Failure(self._final(why))
        self.result = result
        # What it was run by names it: let go of that, so that nothing is left to the collector.
        after, self._after = self._after, []
        self._work = self._withdraw = self._stop = None
        for call in after:
            call()
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each.callback(result)

    def _final(self, why: BaseException) -> BaseException:
        """A call that may not run twice has failed when its worker stops (redis-tasks)."""
        if isinstance(why, WorkerShutdown) and not self.task.reentrant:
            return TaskAborted(f"the worker stopped while {self.task.name} ran")
        return why

    def _stop_timer(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()


def _fired(result: Any) -> Deferred[Any]:
    return fail(result) if isinstance(result, Failure) else succeed(result)
