"""Records the middleware around calls of tasks."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from pipeline.explain.hooks import Names
from pipeline.explain.source import place_of
from pipeline.explain.trace.differences import differences, plain
from pipeline.explain.trace.happening import Happening
from pipeline.explain.trace.recorder import Recorder

__all__ = ["watch_calls"]


def watch_calls(recorder: Recorder, worker: Any) -> None:
    """Record the task middleware of a worker, before its stack is made.

    Not where tasks run in processes of their own: there it is made anew.

    :param worker: its middleware is made.
    """
    tasks = getattr(worker, "tasks", {}).values()
    if any(each.isolation == "process" for each in tasks):
        return
    loaded = worker.middlewares
    names = Names(loaded.entries)
    loaded.task[:] = [_watched(recorder, worker.name, each, names) for each in loaded.task]


def _watched(recorder: Recorder, worker: str, factory: Any, names: Names) -> Any:
    """The same class, with hooks that are recorded."""
    if not inspect.isclass(factory):
        return factory  # nobody knows before each call what it makes
    entry = names.of(factory)
    name, dotted = (entry.name, entry.dotted) if entry else (factory.__name__, factory.__name__)

    def begin(task: Any, method: str, hook: Any) -> Happening:
        return Happening(
            *("hook", worker, str(task.queue), "inbound", str(task.id)),
            name=name,
            class_name=dotted,
            method=method,
            at=place_of(hook) or "",
        )

    parts: dict[str, Any] = {
        "__module__": factory.__module__,
        "__qualname__": factory.__qualname__,
    }
    for method, made in (("run_task", _run_task), ("process_outcome", _process_outcome)):
        hook = getattr(factory, method, None)
        if hook is not None:
            parts[method] = _of_its_sort(hook, made(recorder, hook, begin))
    return type(factory.__name__, (factory,), parts)


Begin = Callable[[Any, str, Any], Happening]


def _of_its_sort(hook: Any, call: Callable[..., Any]) -> Callable[..., Any]:
    """Plain or ``async def``, as the hook is: where it runs depends on that."""
    if not inspect.iscoroutinefunction(hook):
        return call

    async def calling(*args: Any) -> Any:
        return await call(*args)

    return calling


def _run_task(recorder: Recorder, hook: Any, begin: Begin) -> Callable[..., Any]:
    def run_task(self: Any, task: Any, run: Any, args: Any, kwargs: Any) -> Any:
        happening = begin(task, "run_task", hook)
        given = plain({"args": list(args), "kwargs": kwargs})

        def noted(*args: Any, **kwargs: Any) -> Any:
            passed = plain({"args": list(args), "kwargs": kwargs})
            happening.changes += differences(given, passed)
            return run(*args, **kwargs)

        return recorder.called(happening, None, lambda: hook(self, task, noted, args, kwargs))

    return run_task


def _process_outcome(recorder: Recorder, hook: Any, begin: Begin) -> Callable[..., Any]:
    def process_outcome(self: Any, task: Any, *exc_info: Any) -> Any:
        happening = begin(task, "process_outcome", hook)
        return recorder.called(happening, None, lambda: hook(self, task, *exc_info))

    return process_outcome
