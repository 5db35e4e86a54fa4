"""Calling what somebody wrote: sync or async, in the reactor or in a thread."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, NamedTuple

__all__ = ["Around", "Caller", "Hook", "InThread", "hook_of"]

#: Has a function run in a thread.
InThread = Callable[..., Awaitable[Any]]


class Hook(NamedTuple):
    """Something to be called: a method of a middleware, a layer, a view.

    :param function: what is called.
    :param may_block: it has to run in a thread.
    """

    function: Callable[..., Any]
    may_block: bool

    @property
    def name(self) -> str:
        """For errors, as ``SessionMiddleware.process_response``."""
        return getattr(self.function, "__qualname__", repr(self.function))


def hook_of(function: Callable[..., Any], owner: Any = None) -> Hook:
    """Find out how to call something.

    What is plain may block, unless it, or the class that it belongs to, says ``blocking = False``.
    """
    if _is_async(function):
        return Hook(function, False)
    return Hook(function, bool(getattr(function, "blocking", getattr(owner, "blocking", True))))


#: Given a hook, what it is called with, and what calls it, gives what it returns.
Around = Callable[
    [Hook, tuple[Any, ...], Callable[[], Coroutine[Any, Any, Any]]], Coroutine[Any, Any, Any]
]


class Caller:
    """Calls hooks, each where it has to run.

    :param in_thread: has a function run in a thread.
    """

    def __init__(self, in_thread: InThread) -> None:
        self._in_thread = in_thread
        self._around: Around | None = None

    def watch(self, around: Around) -> None:
        """Have this called instead of each hook, from now on and for good."""
        self._around = around

    def __call__(self, hook: Hook, *args: Any, **kwargs: Any) -> Coroutine[Any, Any, Any]:
        """What a hook returns, once it is there."""
        if self._around is None:
            return self._called(hook, args, kwargs)
        return self._around(hook, args, lambda: self._called(hook, args, kwargs))

    async def _called(self, hook: Hook, args: Any, kwargs: Any) -> Any:
        if hook.may_block:
            result = await self._in_thread(hook.function, *args, **kwargs)
        else:
            result = hook.function(*args, **kwargs)
        return await result if inspect.isawaitable(result) else result


def _is_async(function: Any) -> bool:
    if inspect.iscoroutinefunction(function):
        return True
    return not inspect.isroutine(function) and inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004  # its own one is asked for
    )
