"""Run a coroutine as far as it goes now; make a Deferred only if it has to wait.

Most ``async def`` handlers never wait. Driving one by hand costs a fraction of a microsecond where
``Deferred.fromCoroutine`` costs two, so the paths that every message takes use this.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from contextvars import Context, copy_context
from types import CoroutineType
from typing import Any, TypeVar

from twisted.internet.defer import Deferred

__all__ = ["begun", "eager", "finished"]

T = TypeVar("T")


def eager(coro: Coroutine[Any, Any, T]) -> T | Deferred[T]:
    """Start a coroutine: its result if it finishes at once, else a Deferred of it.

    Like ``Deferred.fromCoroutine``, the coroutine runs in a copy of the current context, the same
    one from its first step to its last: it sees what was set before, what it sets stays inside, and
    it may reset after a wait what it set before. Cancelling the Deferred cancels what the coroutine
    waits for.

    :raise BaseException: what the coroutine raised, if it did so without waiting.
    """
    return _driven(coro, copy_context())


def begun(function: Callable[..., Any], *args: Any) -> Any:
    """Call a function in a context of its own; a coroutine that it returns goes on there.

    For what most often ends at once, and is a coroutine only where it has to wait: that costs half
    of a coroutine that doesn't.

    :return: what it returned; instead of a coroutine its result, or a Deferred of that, as
        :func:`eager` gives it.
    """
    context = copy_context()
    result = context.run(function, *args)
    return _driven(result, context) if type(result) is CoroutineType else result


def _driven(coro: Coroutine[Any, Any, T], context: Context) -> T | Deferred[T]:
    try:
        waited = context.run(coro.send, None)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]  # of T
    return Deferred.fromCoroutine(_resumed(coro, waited, context))


async def finished(result: Any) -> Any:
    """What a handler returned, once it is there; a handler may be sync or async."""
    return await result if hasattr(result, "__await__") else result


def _resumed(
    coro: Coroutine[Any, Any, T], waited: Any, context: Context
) -> Generator[Deferred[Any], Any, T]:
    """Go on with a coroutine that already waits."""
    try:
        while True:
            try:
                sent = yield waited
            except GeneratorExit:
                coro.close()
                raise
            except BaseException as error:  # noqa: BLE001 - the coroutine's to catch
                waited = context.run(coro.throw, error)
            else:
                waited = context.run(coro.send, sent)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]  # of T
