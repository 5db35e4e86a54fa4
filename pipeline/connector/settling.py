"""Settles the finished deliveries of one consumer, many at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from pipeline.delivery import Delivery, Settled

__all__ = ["Settler"]

#: The most deliveries in one batch; more make scripts too long for the server.
LARGEST = 500

#: The most batches of one consumer that wait for the server at once.
AT_ONCE = 4

#: Seconds before a batch that could not be sent is sent again.
AGAIN = 1.0


class Settler:
    """Collects what is finished, and settles it in batches.

    Between :meth:`gather` and :meth:`flush` deliveries are only collected; at other times a batch
    is sent once per turn of the reactor, or as soon as it is full.

    :param consumer: the :class:`~pipeline.interfaces.IConsumer` that they came from.
    :param clock: an IReactorTime.
    :param settled: called with a list of deliveries and a list of their results.
    """

    def __init__(
        self,
        consumer: Any,
        clock: IReactorTime,
        settled: Callable[[list[Delivery], list[Settled]], None],
    ) -> None:
        self._consumer = consumer
        self._clock = clock
        self._settled = settled
        self._finished: list[Delivery] = []
        self._gathering = False
        self._due: Any = None
        self._again: Any = None
        self._out = 0
        self._closed = False

    def gather(self) -> None:
        """Send nothing until :meth:`flush`: a whole batch is being handled."""
        self._gathering = True

    def add(self, delivery: Delivery) -> None:
        """Close a delivery's unit of work, and settle it soon."""
        delivery.settled = True
        finished = self._finished
        finished.append(delivery)
        if len(finished) >= LARGEST:
            self._send()
        elif not self._gathering and self._due is None:
            self._due = self._clock.callLater(0, self._on_turn)

    def flush(self) -> None:
        """Send what is finished, as far as not too much is under way already."""
        self._gathering = False
        self._send()

    def close(self) -> list[Delivery]:
        """Send nothing more.

        :return: what was finished and is not on its way.
        """
        self._closed = True
        for call in (self._due, self._again):
            if call is not None:
                call.cancel()
        self._due = self._again = None
        left, self._finished = self._finished, []
        return left

    def _on_turn(self) -> None:
        self._due = None
        self._send()

    def _on_again(self) -> None:
        self._again = None
        self._send()

    def _send(self) -> None:
        while self._finished and self._out < AT_ONCE and self._again is None:
            batch, self._finished = self._finished[:LARGEST], self._finished[LARGEST:]
            self._out += 1
            answer: Deferred[Any] = maybeDeferred(self._consumer.settle, batch)
            answer.addCallbacks(
                self._answered, self._failed, callbackArgs=(batch,), errbackArgs=(batch,)
            )

    def _answered(self, results: list[Settled], batch: list[Delivery]) -> None:
        self._out -= 1
        self._settled(batch, results)
        if self._finished and not self._gathering:
            self._send()

    def _failed(self, failure: Failure, batch: list[Delivery]) -> None:
        """Nobody knows what happened; settling is idempotent, so ask again."""
        self._out -= 1
        if self._closed:
            return
        _log.failure(
            "{queue}: could not settle {count} messages, will try again",
            failure,
            queue=self._consumer.queue,
            count=len(batch),
        )
        self._finished[:0] = batch
        if self._again is None:
            self._again = self._clock.callLater(AGAIN, self._on_again)


_log = Logger("pipeline.connector")
