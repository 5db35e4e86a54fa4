"""Middleware of Django's new style: a factory that takes ``get_response``.

A layer sees a response, never an exception. Sync and async ones adapt to each other: what a factory
is given as ``get_response`` can be awaited in the reactor, and blocks where it is called in a
thread; a plain layer runs in one.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any

from pipeline.hooks.calling import Caller, Hook, hook_of
from pipeline.threads import anywhere, awaited

__all__ = ["made"]

Layer = Callable[[Any], Awaitable[Any]]


class _GetResponse:
    """What is within, for a layer in the reactor or in a thread."""

    def __init__(self, inner: Layer) -> None:
        self._inner = inner
        _mark_as_async(self)

    def __call__(self, request: Any) -> Any:
        return anywhere(None, awaited(self._inner(request)))


def _mark_as_async(function: Any) -> None:
    """Let a factory that suits both see that it may make an async layer, as in Django."""
    if hasattr(inspect, "markcoroutinefunction"):
        inspect.markcoroutinefunction(function)
    else:  # Python 3.11
        function._is_coroutine = getattr(asyncio.coroutines, "_is_coroutine", None)


def made(
    factory: Callable[[Any], Any],
    inner: Layer,
    mapped: Callable[[Any, Exception], Awaitable[Any]],
    call: Caller,
) -> tuple[Hook, Layer]:
    """Build a layer around what is within.

    :param factory: takes ``get_response``; what it returns takes a request.
    :param inner: a request in, a response out; raises nothing.
    :param mapped: given request and exception, the response for it.
    :param call: calls the layer.
    :return: what the factory has made, and the layer around ``inner``.
    :raise MiddlewareNotUsed: the factory wants to be left out.
    """
    built = factory(_GetResponse(inner))
    hook = hook_of(built, factory)

    async def layer(request: Any) -> Any:
        try:
            response = await call(hook, request)
            if response is None:
                name = getattr(factory, "__qualname__", repr(factory))
                raise ValueError(f"middleware {name} returned None: it must return a response")
        except Exception as error:
            return await mapped(request, error)
        return response

    return hook, layer
