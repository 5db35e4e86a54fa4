"""The stack: middlewares in their two orders, and the chains made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Literal

from twisted.internet.defer import Deferred, fail, succeed

from pipeline.middleware.chain import Chain, Handler, Step, step_of
from pipeline.middleware.families import KINDS
from pipeline.middleware.lifetime import tear_down

__all__ = ["MiddlewareStack"]

_Direction = Literal["consume", "publish"]

#: Given the direction, the kind and a step, the handler to call instead of the step's.
Around = Callable[[_Direction, str, Step], Handler]


class MiddlewareStack:
    """Passes messages through middlewares: in list order when read, in reverse when sent.

    The contract is Vumi's (0.6.19, ``vumi.middleware.base.MiddlewareStack``). Priorities sort,
    lower first, and what has equal ones keeps its place. Chains are compiled when they are first
    asked for and kept, so ask when all is set up: a handler that is assigned later isn't seen.

    :param middlewares: instances of message middleware, in the order of the configuration. They
        need no base class.
    :ivar consume_middlewares: in the order in which a message that was read passes.
    :ivar publish_middlewares: in the order in which a message that goes out passes.
    """

    def __init__(self, middlewares: Iterable[Any] = ()) -> None:
        self._all = tuple(middlewares)
        listed = range(len(self._all))
        # Positions in the list, and not the middlewares: one may be listed twice.
        self._orders: dict[_Direction, tuple[int, ...]] = {
            "consume": self._sorted(listed, "consume_priority"),
            "publish": self._sorted(reversed(listed), "publish_priority"),
        }
        self.consume_middlewares = [self._all[at] for at in self._orders["consume"]]
        self.publish_middlewares = [self._all[at] for at in self._orders["publish"]]
        self._chains: dict[tuple[_Direction, str, int | None], Chain] = {}
        self._around: Around | None = None

    def _sorted(self, listed: Iterable[int], priority: str) -> tuple[int, ...]:
        return tuple(sorted(listed, key=lambda at: getattr(self._all[at], priority, None) or 0))

    def consume(self, kind: str) -> Chain:
        """The chain of a message that was read.

        :param kind: ``inbound``, ``outbound``, ``event``, ``failure`` or ``status``.
        :raise ValueError: there is no such kind.
        """
        return self._chain("consume", kind, None)

    def publish(self, kind: str) -> Chain:
        """The chain of a message that goes out; see :meth:`consume`."""
        return self._chain("publish", kind, None)

    def back_from_consume(self, kind: str, entered: int) -> Chain:
        """The way out for the answer to a message that was read, through what it had entered.

        :param kind: the answer's.
        :param entered: how many middlewares the message had entered, as
            :class:`~pipeline.errors.Respond` has it after a consume chain.
        """
        return self._chain("publish", kind, entered)

    def back_from_publish(self, kind: str, entered: int) -> Chain:
        """The way in for the answer to a message that was to go out; see :meth:`back_from_consume`.

        :param entered: as :class:`~pipeline.errors.Respond` has it after a publish chain.
        """
        return self._chain("consume", kind, entered)

    def watch(self, around: Around) -> None:
        """Call something else instead of each handler, in every chain, also one to come; for good.

        :param around: given the direction, the kind and a step, the handler to call for it.
        """
        self._around = around
        for (direction, kind, _), chain in self._chains.items():
            chain.wrap(partial(around, direction, kind))

    def _chain(self, direction: _Direction, kind: str, entered: int | None) -> Chain:
        key = (direction, kind, entered)
        if key not in self._chains:
            self._chains[key] = self._compiled(direction, kind, entered)
        return self._chains[key]

    def _compiled(self, direction: _Direction, kind: str, entered: int | None) -> Chain:
        if kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
        order: Sequence[int] = self._orders[direction]
        if entered is not None:
            other: _Direction = "consume" if direction == "publish" else "publish"
            met = set(self._orders[other][:entered])
            order = [at for at in order if at in met]
        steps = (
            step_of(self._all[at], direction, kind, position) for position, at in enumerate(order)
        )
        chain = Chain([step for step in steps if step is not None])
        if self._around is not None:
            chain.wrap(partial(self._around, direction, kind))
        return chain

    def apply_consume(self, kind: str, message: Any, connector_name: str) -> Deferred[Any]:
        """Pass a message that was read through all middleware. Vumi's form; see :meth:`consume`.

        :return: a Deferred of the message, always.
        """
        return _deferred(self.consume, kind, message, connector_name)

    def apply_publish(self, kind: str, message: Any, connector_name: str) -> Deferred[Any]:
        """Pass a message that goes out through all middleware; see :meth:`apply_consume`."""
        return _deferred(self.publish, kind, message, connector_name)

    def teardown(self) -> Deferred[None]:
        """Tear all middlewares down, one after another, in publish order.

        :return: a Deferred that fires when all are torn down; it fails with the first error.
            Further ones are logged. (In Vumi an error stops the rest.)
        """
        return Deferred.fromCoroutine(tear_down(self.publish_middlewares))


def _deferred(
    chain_of: Callable[[str], Chain], kind: str, message: Any, connector_name: str
) -> Deferred[Any]:
    try:
        passed = chain_of(kind)(message, connector_name)
    except Exception:  # noqa: BLE001 - Vumi's callers expect it in the Deferred
        return fail()
    return passed if isinstance(passed, Deferred) else succeed(passed)
