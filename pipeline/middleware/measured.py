"""A stack that times its middlewares: one message of so many takes a chain that looks at the clock.

The others pass the plain chain, with one more call before it.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from types import CoroutineType
from typing import Any

from twisted.internet.defer import Deferred

from pipeline.middleware.chain import Chain, Handler, Step
from pipeline.middleware.stack import MiddlewareStack

__all__ = ["MeasuredStack", "SampledChain", "stack_for"]

#: Given seconds.
Observe = Callable[[float], None]
#: Given a middleware's name, a direction and a kind, who is told how long it took.
Observers = Callable[[str, str, str], Observe]


class SampledChain(Chain):
    """A chain of which one call in so many is timed, handler by handler.

    :param steps: the handlers, in order.
    :param observers: given a step, who is told how long its handler took.
    :param every: of so many calls one is timed; the first is.
    """

    __slots__ = ("_every", "_left", "_observers", "_plain", "_timed")

    def __init__(
        self, steps: Sequence[Step], observers: Callable[[Step], Observe], every: int
    ) -> None:
        super().__init__(steps)
        self._every = every
        self._left = 1
        self._plain = super().through
        self._observers = observers
        self._timed = self._time()

    def wrap(self, around: Callable[[Step], Handler]) -> None:
        """See :meth:`Chain.wrap`; what is called instead is timed as well."""
        super().wrap(around)
        self._timed = self._time()

    def _time(self) -> Handler:
        return Chain(
            [
                step._replace(handler=_timed(step.handler, self._observers(step)))
                for step in self.steps
            ]
        ).through

    def through(self, message: Any, connector_name: str) -> Any:
        self._left -= 1
        if self._left:
            return self._plain(message, connector_name)
        self._left = self._every
        return self._timed(message, connector_name)


class MeasuredStack(MiddlewareStack):
    """A stack whose chains are timed now and then.

    :param middlewares: see :class:`~pipeline.middleware.stack.MiddlewareStack`.
    :param observers: who is told.
    :param every: of so many messages one is timed, in each chain.
    """

    def __init__(self, middlewares: Iterable[Any], observers: Observers, every: int) -> None:
        super().__init__(middlewares)
        self._observers = observers
        self._every = every

    def _compiled(self, direction: Any, kind: str, entered: int | None) -> Chain:
        chain = super()._compiled(direction, kind, entered)
        if not chain.steps:
            return chain

        def observer(step: Step) -> Observe:
            return self._observers(step.middleware, direction, kind)

        return SampledChain(chain.steps, observer, self._every)


def stack_for(meter: Any, worker: str, middlewares: Iterable[Any]) -> MiddlewareStack:
    """The stack of a worker.

    :param meter: the :class:`~pipeline.observe.meter.Meter`; None: nothing is timed.
    :param worker: the worker's name.
    """
    if meter is None:
        return MiddlewareStack(middlewares)
    times = meter.histograms["pipeline_middleware_seconds"]
    return MeasuredStack(middlewares, lambda *step: times.at(worker, *step).observe, meter.sample)


def _timed(handler: Handler, observe: Observe) -> Handler:
    """The same handler, with how long it took told, also when it fails."""

    def call(message: Any, connector_name: str) -> Any:
        began = time.perf_counter()
        result = None
        try:
            result = handler(message, connector_name)
        finally:
            if not isinstance(result, (CoroutineType, Deferred)):
                observe(time.perf_counter() - began)
        if isinstance(result, (CoroutineType, Deferred)):
            return _waited(result, began, observe)
        return result

    return call


async def _waited(result: Awaitable[Any], began: float, observe: Observe) -> Any:
    try:
        return await result
    finally:
        observe(time.perf_counter() - began)
