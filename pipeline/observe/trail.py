"""The way of each message, with the time of every step; recorded only where it is asked for."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from types import CoroutineType
from typing import Any, NamedTuple

from twisted.internet.defer import Deferred

from pipeline.eager import eager
from pipeline.signals import (
    Signal,
    message_dead_lettered,
    message_dropped,
    message_published,
    message_received,
    message_retried,
    message_settled,
)

__all__ = ["Point", "Trail"]

_KINDS = ("inbound", "outbound", "event", "failure", "status")


class Point(NamedTuple):
    """Something that happened to a message.

    :param at: when it had happened, in the seconds of the trail's clock.
    :param took: how many seconds it took; 0 for what is but a moment.
    :param event: ``middleware``, ``published``, ``received``, ``failed``, ``settled``,
        ``retried``, ``dead_lettered`` or ``dropped``.
    :param connector: where.
    :param kind: the message's, as ``inbound``.
    :param name: of a middleware, its name and direction, as ``log consume``; of a failure, the
        error.
    :param message_id: the message.
    :param origin: the message that this one answers, else itself.
    :param delivery: the :class:`pipeline.delivery.Delivery` in hand, where there is one.
    :param outcome: how it was settled, where it was.
    """

    at: float
    took: float
    event: str
    connector: str
    kind: str
    name: str
    message_id: str
    origin: str
    delivery: Any = None
    outcome: Any = None


class Trail:
    """Records what happens to messages in this process.

    It listens to signals once it is open, and times the middleware of the workers it watches.
    A trail grows with each message: it is for demonstrations and for debugging.

    :param clock: gives seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self.points: list[Point] = []
        self._clock = clock
        self._receivers: list[tuple[Signal, Any]] = []

    def open(self) -> None:
        """Listen from now on."""
        for signal, event in _EVENTS:
            receiver = self._receiver(event)
            signal.connect(receiver, weak=False)
            self._receivers.append((signal, receiver))

    def close(self) -> None:
        """Listen no more."""
        while self._receivers:
            signal, receiver = self._receivers.pop()
            signal.disconnect(receiver)

    def watch(self, worker: Any) -> None:
        """Time the middleware of a worker, and note what fails in it, from now on and for good.

        :param worker: a :class:`pipeline.worker.Worker` that is set up.
        """
        for kind in _KINDS:
            for direction in ("consume", "publish"):
                chain = getattr(worker.stack, direction)(kind)
                chain.wrap(partial(self._timed, kind, direction))
        worker.decide = self._noting(worker.decide)

    def _noting(self, decide: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        def noted(error: BaseException, delivery: Any) -> Any:
            connector, _, kind = delivery.queue.rpartition(".")
            self._note(0.0, "failed", connector, kind, repr(error), delivery.message, delivery)
            return decide(error, delivery)

        return noted

    def of(self, message_id: str) -> list[Point]:
        """What happened to a message and to its answers, in order."""
        found = [point for point in self.points if point.origin == message_id]
        return sorted(found, key=lambda point: point.at)

    def _receiver(self, event: str) -> Callable[..., None]:
        def note(sender: Any, kind: str, message: Any, delivery: Any = None, **more: Any) -> None:
            where = getattr(sender, "name", "")
            self._note(0.0, event, where, kind, "", message, delivery, more.get("outcome"))

        return note

    def _timed(self, kind: str, direction: str, step: Any) -> Callable[[Any, str], Any]:
        handler, label = step.handler, f"{step.middleware} {direction}"

        def call(message: Any, connector: str) -> Any:
            before = self._clock()
            result = handler(message, connector)
            if isinstance(result, CoroutineType):
                result = eager(result)

            def done(after: Any) -> Any:
                self._note(self._clock() - before, "middleware", connector, kind, label, message)
                return after

            return result.addBoth(done) if isinstance(result, Deferred) else done(result)

        return call

    def _note(
        self,
        took: float,
        event: str,
        connector: str,
        kind: str,
        name: str,
        message: Any,
        delivery: Any = None,
        outcome: Any = None,
    ) -> None:
        message_id = str(getattr(message, "message_id", "") or "")
        origin = str(getattr(message, "in_reply_to", None) or message_id)
        self.points.append(
            Point(
                self._clock(),
                took,
                event,
                connector,
                kind,
                name,
                message_id,
                origin,
                delivery,
                outcome,
            )
        )


_EVENTS = (
    (message_published, "published"),
    (message_received, "received"),
    (message_settled, "settled"),
    (message_retried, "retried"),
    (message_dead_lettered, "dead_lettered"),
    (message_dropped, "dropped"),
)
