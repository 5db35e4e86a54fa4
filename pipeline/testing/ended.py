"""Calls of tasks that have ended in a test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pipeline.connector.posting import traceback_of
from pipeline.signals import task_cancelled, task_failed, task_finished
from pipeline.tasks.call import unpacked
from pipeline.tasks.current import CurrentTask
from pipeline.tasks.registry import Task

__all__ = ["EndedCall", "EndedCalls"]


@dataclass(frozen=True)
class EndedCall:
    """A call of a task that has ended.

    :param id: as a handle's.
    :param task: the task's name.
    :param args: its positional arguments, as the task was given them; as they travelled, if they
        don't fit.
    :param kwargs: its named ones.
    :param state: ``finished``, ``failed`` or ``cancelled``.
    :param attempts: how often it was tried.
    :param result: what the task returned; None unless it has finished.
    :param error: what it raised at last; a text where nothing was raised, as why it was cancelled.
    :param traceback: of that error, as text.
    """

    id: str
    task: str
    args: list[Any]
    kwargs: dict[str, Any]
    state: str
    attempts: int
    result: Any = None
    error: BaseException | str | None = None
    traceback: str | None = None


class EndedCalls:
    """Keeps the calls that have ended, as the signals tell.

    :ivar workers: the names of the workers whose calls are kept; those of others are not.
    """

    def __init__(self) -> None:
        self.workers: set[str] = set()
        self._calls: dict[str, EndedCall] = {}

    def open(self) -> None:
        """Listen."""
        task_finished.connect(self._finished)
        task_failed.connect(self._failed)
        task_cancelled.connect(self._cancelled)

    def close(self) -> None:
        """Listen no longer."""
        task_finished.disconnect(self._finished)
        task_failed.disconnect(self._failed)
        task_cancelled.disconnect(self._cancelled)

    def __len__(self) -> int:
        return len(self._calls)

    def that(self, state: str) -> list[EndedCall]:
        """Those that ended so, in order."""
        return [each for each in self._calls.values() if each.state == state]

    def _finished(self, sender: Any, call: CurrentTask, value: Any = None, **_: Any) -> None:
        self._ended("finished", sender, call, result=value)

    def _failed(self, sender: Any, call: CurrentTask, error: Any = None, **_: Any) -> None:
        text = traceback_of(error) if isinstance(error, BaseException) else None
        self._ended("failed", sender, call, error=error, traceback=text)

    def _cancelled(self, sender: Any, call: CurrentTask, error: Any = None, **_: Any) -> None:
        self._ended("cancelled", sender, call, error=error)

    def _ended(self, state: str, task: Any, call: CurrentTask, **how: Any) -> None:
        if call.worker not in self.workers:
            return
        args, kwargs = _given(task, call)
        # An end that came to nothing, since the call was cancelled meanwhile, is told before.
        self._calls.pop(call.id, None)
        ended = EndedCall(call.id, call.name, args, kwargs, state, call.attempt, **how)
        self._calls[call.id] = ended


def _given(task: Any, call: CurrentTask) -> tuple[list[Any], dict[str, Any]]:
    if isinstance(task, Task):
        try:
            return unpacked(task, call.args, call.kwargs)
        except TypeError:
            pass
    return list(call.args), dict(call.kwargs)
