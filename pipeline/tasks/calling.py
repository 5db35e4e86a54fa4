"""Calls of plain tasks, in the thread or process that they have come to."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pipeline.errors import PermanentFailure

if TYPE_CHECKING:
    from pipeline.tasks.current import CurrentTask
    from pipeline.tasks.middleware import TaskStack
    from pipeline.tasks.registry import Task

__all__ = ["called", "called_through"]


def called(task: Task[Any, Any], args: Any, kwargs: Any) -> Any:
    """What a task returns, where nothing can be waited for.

    :raise PermanentFailure: it returns something to wait for.
    """
    value = task.function(*args, **kwargs)
    if inspect.isawaitable(value):
        if inspect.iscoroutine(value):
            value.close()
        raise PermanentFailure(f"{task.name} returned something to wait for: make it async def")
    return value


def called_through(
    stack: TaskStack,
    function: Callable[[Any, Any], Any],
    call: CurrentTask,
    wait: Callable[[Any], Any],
) -> Any:
    """What a function returned the last time that middleware ran it; all in this thread.

    :param function: given the positional and the named arguments.
    """
    value = None

    def run(*args: Any, **kwargs: Any) -> None:
        nonlocal value
        value = function(args, kwargs)

    stack.call(call, run, call.args, call.kwargs, wait)
    return value
