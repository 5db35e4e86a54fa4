"""What a message passes through: the handlers of one direction and kind, in their order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from types import CoroutineType
from typing import Any, NamedTuple, TypeGuard

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from pipeline.eager import eager
from pipeline.errors import MiddlewareError, Respond
from pipeline.middleware.base import BaseMiddleware

__all__ = ["Chain", "Handler", "Step", "step_of"]

Handler = Callable[[Any, str], Any]

_PROMISES = (CoroutineType, Deferred)


class Step(NamedTuple):
    """One handler of a chain, for whoever explains it.

    :param middleware: the middleware's name in the configuration.
    :param class_name: its class, as ``pipeline.middleware.logging.LoggingMiddleware``.
    :param method: the handler's name, as ``handle_inbound``.
    :param position: how many middlewares stand before it in this direction, those without a handler
        included.
    :param handler: the bound method itself.
    """

    middleware: str
    class_name: str
    method: str
    position: int
    handler: Handler

    def __str__(self) -> str:
        return f"middleware {self.middleware!r} ({self.class_name}).{self.method}"


def step_of(middleware: Any, direction: str, kind: str, position: int) -> Step | None:
    """The handler that a middleware has for a direction and kind; None if it has none.

    The narrow one (``handle_consume_inbound``) goes before the wide one (``handle_inbound``). What
    is only inherited from :class:`BaseMiddleware` is no handler.
    """
    for method in (f"handle_{direction}_{kind}", f"handle_{kind}"):
        handler = getattr(middleware, method, None)
        if handler is not None and not _does_nothing(handler, method):
            cls = type(middleware)
            name = getattr(middleware, "name", None) or cls.__name__
            return Step(name, f"{cls.__module__}.{cls.__qualname__}", method, position, handler)
    return None


def _does_nothing(handler: Any, method: str) -> bool:
    return getattr(handler, "__func__", None) is getattr(BaseMiddleware, method)


def _is_kept(promise: Any) -> TypeGuard[Deferred[Any]]:
    """Whether it is a Deferred that has its value: taking that costs a tenth of awaiting it."""
    return (
        type(promise) is Deferred
        and promise.called
        and not promise.paused
        and not isinstance(promise.result, Failure)
    )


class Chain:
    """Calls handlers one after another, each with what the one before returned.

    :meth:`through` gives the message, or a Deferred of it if a handler had to wait. Exceptions pass
    unchanged, in either form, but know where they happened: ``pipeline_where`` is a text that names
    the middleware, its class and method, and a :class:`~pipeline.errors.Respond` has ``entered``,
    how many middlewares the message had entered before the one that raised.

    :param steps: the handlers, in order.
    """

    __slots__ = ("_handlers", "steps")

    def __init__(self, steps: Sequence[Step]) -> None:
        self.steps = tuple(steps)
        self._handlers = tuple(step.handler for step in steps)

    def wrap(self, around: Callable[[Step], Handler]) -> None:
        """Call something else instead of each handler, as one that times it; for good.

        :param around: given a step, the handler to call for it.
        """
        self.steps = tuple(step._replace(handler=around(step)) for step in self.steps)
        self._handlers = tuple(step.handler for step in self.steps)

    def through(self, message: Any, connector_name: str) -> Any:
        """Pass a message through.

        Calling the chain is the same, but Python finds a bound method twice as fast: what passes
        every message keeps this one.

        :return: the message or a Deferred of it.
        :raise MiddlewareError: a handler returned None, or a Deferred or coroutine of it.
        """
        handler = result = None
        try:
            for handler in self._handlers:
                result = handler(message, connector_name)
                if result is message:
                    continue
                if isinstance(result, _PROMISES):
                    if not _is_kept(result):
                        break
                    result = result.result
                message = result if result is not None else self._returned(handler, result)
            else:
                return message
        except Exception as error:
            self._blame(error, handler)
            raise
        return eager(self._go_on(result, handler, connector_name))

    def __call__(self, message: Any, connector_name: str) -> Any:
        return self.through(message, connector_name)

    async def _go_on(self, waited: Any, handler: Any, connector_name: str) -> Any:
        """Wait for what a handler promised, then go through the rest."""
        rest = self._handlers[self._index(handler) + 1 :]
        try:
            message = self._returned(handler, await waited)
            for handler in rest:
                result = handler(message, connector_name)
                if isinstance(result, _PROMISES):
                    result = result.result if _is_kept(result) else await result
                message = result if result is not None else self._returned(handler, result)
        except Exception as error:
            self._blame(error, handler)
            raise
        return message

    def _returned(self, handler: Any, result: Any) -> Any:
        if result is None:
            step = self.steps[self._index(handler)]
            raise MiddlewareError(f"{step} returned None: it must return a message")
        return result

    def _blame(self, error: Exception, handler: Any) -> None:
        step = self.steps[self._index(handler)]
        if isinstance(error, Respond):
            error.entered = step.position
        # An exception with slots and no room for this goes without.
        with suppress(AttributeError):
            error.pipeline_where = str(step)  # type: ignore[attr-defined]  # any may carry it

    def _index(self, handler: Any) -> int:
        # Two handlers may be equal, if an instance is listed twice; but not the same.
        for at, each in enumerate(self._handlers):
            if each is handler:
                return at
        raise LookupError(handler)
