"""Lets a task come to a good place before the end of its worker is told to it."""

from __future__ import annotations

from contextlib import suppress
from contextvars import ContextVar
from types import TracebackType
from typing import Protocol

from pipeline.errors import WorkerShutdown

__all__ = ["Guard", "PostponeShutdown", "guard"]


class Guard(Protocol):
    """Holds back what would be raised in a task."""

    def hold(self) -> None:
        """Raise no WorkerShutdown from now on."""

    def release(self) -> None:
        """Raise it again; now, if it is due."""


#: The guard of the task that runs here; None where nothing is ever raised, as in a thread.
guard: ContextVar[Guard | None] = ContextVar("pipeline_task_guard", default=None)


class PostponeShutdown:
    """A block in a task that the end of the worker doesn't break off (redis-tasks).

    ::

        with PostponeShutdown():
            await charge(card)
            await note(order)

    When the worker stops and the time to finish is over, WorkerShutdown is raised at the end of the
    block instead of inside; the worker waits for it up to ten minutes, unless it is told to hurry,
    and for a process less than a second. May be nested. In a thread, where nothing is raised, and
    outside of tasks it does nothing. A timeout and a cancelling are not postponed.
    """

    def __init__(self) -> None:
        self._guard: Guard | None = None

    def __enter__(self) -> PostponeShutdown:
        self._guard = guard.get()
        if self._guard is not None:
            self._guard.hold()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._guard is None:
            return
        if kind is GeneratorExit:
            # The task is thrown away as it is: it runs no more, so nothing can be raised in it.
            with suppress(WorkerShutdown):
                self._guard.release()
            return
        self._guard.release()
