"""From what a stack calls to the hook as it is shown, for all three families."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from pipeline.explain import views
from pipeline.explain.effects import effects_of, way_of
from pipeline.explain.source import place_of
from pipeline.hooks.calling import hook_of
from pipeline.hooks.phases import Around
from pipeline.hooks.stack import HookStack
from pipeline.middleware.entries import Entry
from pipeline.middleware.stack import MiddlewareStack
from pipeline.tasks.middleware import TaskStack

__all__ = ["Names", "chain_of", "request_phases", "task_phases"]

Phases = tuple[tuple[str, tuple[views.Hook, ...]], ...]

#: The phases of a request in which hooks see what the view gave, or raised.
_AFTER = (
    ("results", "process_result"),
    ("exceptions", "process_exception"),
    ("templates", "process_template_response"),
)


class Names:
    """Which entry of the ``middleware:`` list something was made of.

    :param entries: the list, understood.
    """

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._entries = tuple(entries)

    def of(self, middleware: Any) -> Entry | None:
        """Its entry; None if it was not in the list."""
        name = getattr(middleware, "name", None)
        ways = (
            lambda entry: entry.middleware is middleware,
            lambda entry: entry.name == name and _is_made_of(middleware, entry),
            lambda entry: _is_made_of(middleware, entry),
            # What a factory has made, as far as that can be told.
            lambda entry: (
                getattr(entry.middleware, "__name__", "")
                in getattr(middleware, "__qualname__", "").split(".")
            ),
        )
        found = (entry for fits in ways for entry in self._entries if fits(entry))
        return next(found, None)


def _is_made_of(middleware: Any, entry: Entry) -> bool:
    if not isinstance(entry.middleware, type):
        return False
    cls = middleware if isinstance(middleware, type) else type(middleware)
    return issubclass(cls, entry.middleware)


def chain_of(
    stack: MiddlewareStack, direction: str, kind: str, names: Names
) -> tuple[views.Hook, ...]:
    """The hooks of a compiled chain, in its order.

    :param direction: ``consume`` or ``publish``.
    """
    chain = stack.consume(kind) if direction == "consume" else stack.publish(kind)
    order = stack.consume_middlewares if direction == "consume" else stack.publish_middlewares
    hooks = []
    for step in chain.steps:
        middleware = order[step.position]
        priority = getattr(middleware, f"{direction}_priority", None) or 0
        hooks.append(_hook(step.handler, middleware, step.method, names, priority=priority))
    return tuple(hooks)


def task_phases(factories: Sequence[Any], names: Names) -> Phases:
    """What stands around the run of a task, in the order in which it is called."""
    stack = TaskStack(factories)
    return (
        ("run_task", tuple(_task_hook(each, "run_task", names) for each in stack.around)),
        ("process_outcome", tuple(_task_hook(e, "process_outcome", names) for e in stack.after)),
    )


def _task_hook(factory: Any, method: str, names: Names) -> views.Hook:
    function = getattr(factory, method, factory)
    # As a TaskStack has it: what is plain runs in the task's thread, and may block there.
    waits = not getattr(factory, "blocking", True)
    return _hook(function, factory, method, names, way=None if waits else "thread")


def request_phases(stack: HookStack, names: Names) -> Phases:
    """What stands around a view, in the order in which it is called."""
    down: list[views.Hook] = []
    up: list[views.Hook] = []
    for layer in stack.layers:
        if isinstance(layer, Around):
            down += _request_hooks(layer.requests, "process_request", names)
            up = [*_request_hooks(layer.responses, "process_response", names), *up]
        else:
            shown = _request_hooks([layer], "get_response", names)
            down += shown
            up = [*shown, *up]
    within = stack.view_hooks
    after = [
        (title, tuple(_request_hooks(getattr(within, phase), title, names)))
        for phase, title in _AFTER
    ]
    return (
        ("process_request", tuple(down)),
        ("process_view", tuple(_request_hooks(within.views, "process_view", names))),
        *after,
        ("process_response", tuple(up)),
    )


def _request_hooks(hooks: Iterable[Any], method: str, names: Names) -> list[views.Hook]:
    shown = []
    for hook in hooks:
        function = hook.function
        middleware = getattr(function, "__self__", function)
        way = "thread" if hook_of(function, middleware).may_block and hook.may_block else None
        shown.append(_hook(function, middleware, method, names, way=way))
    return shown


def _hook(
    function: Any,
    middleware: Any,
    method: str,
    names: Names,
    *,
    way: str | None = None,
    priority: int = 0,
) -> views.Hook:
    entry = names.of(middleware)
    may = effects_of(function, middleware, method)
    own = way_of(function, middleware)
    return views.Hook(
        name=entry.name if entry else getattr(middleware, "name", None) or _full(middleware),
        class_name=_class_name(middleware, entry),
        hook=method,
        where=place_of(function),
        way=own if way is None or own == "async" else way,
        may=may.words,
        may_known=may.known,
        priority=priority,
        at=entry.at if entry else None,
    )


def _class_name(middleware: Any, entry: Entry | None) -> str:
    """The class; of what a factory has made, the factory."""
    if entry is not None and not _is_made_of(middleware, entry):
        return _full(entry.middleware)
    return _full(middleware)


def _full(middleware: Any) -> str:
    named = middleware if hasattr(middleware, "__qualname__") else type(middleware)
    return f"{named.__module__}.{named.__qualname__}"
