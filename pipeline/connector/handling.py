"""Handles one delivery: decode, consume chain, handler; then its outcome is staged.

This is the connector's inner half, and with it the one place where every error is caught: whatever
middleware or a handler raises becomes an outcome here.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from contextlib import suppress
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger

from pipeline.codec import Undecodable
from pipeline.connector.posting import dead_letter, described, next_attempt, where
from pipeline.connector.publishing import Edge, Publisher
from pipeline.delivery import Delivery, current
from pipeline.eager import finished
from pipeline.errors import (
    Drop,
    InvalidMessage,
    PermanentFailure,
    Respond,
    RetryLater,
    ServerRefused,
    WorkerShutdown,
)
from pipeline.message import EventMessage
from pipeline.outcome import DONE, DeadLetter, Done, Dropped, Retry
from pipeline.signals import message_received

__all__ = ["HAND_BACK", "Inlet", "opposite"]

#: Instead of an outcome: the worker stops, another one shall handle the message.
HAND_BACK: Any = object()

_OUTCOMES = (Done, Retry, Dropped, DeadLetter)

_log = Logger("pipeline.connector")


def opposite(kind: str, answer: Any) -> str:
    """The kind as which an answer to a message of this kind travels."""
    if isinstance(answer, EventMessage):
        return "event"
    return "inbound" if kind == "outbound" else "outbound"


class Inlet:
    """One kind of message that a connector consumes, and who handles it.

    :param kind: as ``inbound``.
    :param connector: the connector that it belongs to.
    :param worker: decides on errors, see :meth:`pipeline.worker.Worker.decide`.
    :param stack: the :class:`~pipeline.middleware.stack.MiddlewareStack`.
    :param publisher: the connector's publishing half.
    :param max_deaths: with how many workers' deaths a message is poison.
    """

    def __init__(
        self,
        kind: str,
        connector: Any,
        worker: Any,
        stack: Any,
        publisher: Publisher,
        max_deaths: int,
    ) -> None:
        self.kind = kind
        self.handlers: dict[str, Callable[[Any], Any]] = {}
        self.default: Callable[[Any], Any] = self._unhandled
        #: The time to finish is over: who is cancelled now is handed back.
        self.is_stopping = False
        self._connector = connector
        self._name: str = connector.name
        self._worker = worker
        self._handler = (str(getattr(worker, "name", "")), kind)
        self._stack = stack
        self._chain = stack.consume(kind).through
        self._decode = worker.codec.decode
        self._publisher = publisher
        self._max_deaths = max_deaths

    def decode(self, delivery: Delivery) -> Any:
        """The message, remembered in the delivery; or an Undecodable."""
        message = self._decode(delivery.payload)
        if type(message) is not Undecodable:
            delivery.message = message
            message._delivery = delivery
        return message

    def key(self, delivery: Delivery) -> Hashable:
        """Decode a delivery, and find what it has in common with those it is in order with."""
        message = self.decode(delivery)
        if type(message) is Undecodable:
            return None
        try:
            key: Hashable = self._worker.ordering_key(message, self.kind)
            hash(key)
        except Exception:
            _log.failure("{name}: no ordering key for {message}", name=self._name, message=message)
            return None
        return key

    def process(self, delivery: Delivery) -> Any:
        """Handle a delivery and stage what its outcome needs.

        :return: the outcome; None stands for Done; or :data:`HAND_BACK`. Or, when that is not
            there at once, a coroutine of it.
        """
        current.set(delivery)
        delivery.handler = self._handler
        message = delivery.message
        if message is None:
            message = self.decode(delivery)
        if type(message) is Undecodable or delivery.deaths >= self._max_deaths:
            return self._unfit(delivery, message)
        if message_received.receivers:
            self._tell_received(delivery)
        handler = None
        try:
            message = self._chain(message, self._name)
            if message is not delivery.message:
                if isinstance(message, Deferred):
                    return self._process_when(message, delivery)
                message._delivery = delivery
            handler = self.handlers.get(message.get_routing_endpoint(), self.default)
            result = handler(message)
        except BaseException as error:  # see _raised
            return self._raised(delivery, error, handler)
        if result is None and not delivery._unfinished:
            return None
        return self._finish(delivery, handler, result)

    async def _process_when(self, passed: Deferred[Any], delivery: Delivery) -> Any:
        """Go on when a message has passed the consume chain."""
        handler = None
        try:
            message = await passed
            message._delivery = delivery
            handler = self.handlers.get(message.get_routing_endpoint(), self.default)
            result = handler(message)
        except BaseException as error:  # see _raised
            return await self._raised(delivery, error, handler)
        return await self._finish(delivery, handler, result)

    async def _finish(self, delivery: Delivery, handler: Any, result: Any) -> Any:
        """Wait for what a handler has promised, and for what it has begun."""
        try:
            if hasattr(result, "__await__"):
                result = await result
            if delivery._unfinished:
                await self._complete(delivery, delivery.take_unfinished())
        except BaseException as error:  # see _raised
            return await self._raised(delivery, error, handler)
        if type(result) not in _OUTCOMES or type(result) is Done:
            return None
        return await self._guarded(delivery, result, handler)

    async def refuse(self, delivery: Delivery) -> Any:
        """Bury a delivery whose writes the server has refused."""
        error = ServerRefused(delivery.refusal)
        delivery.restart()
        current.set(delivery)
        if delivery.message is None:
            self.decode(delivery)
        return await self._fail(delivery, DeadLetter(error, "refused"))

    async def _unfit(self, delivery: Delivery, message: Any) -> Any:
        """What no handler may see."""
        if type(message) is Undecodable:
            return self._bury(delivery, DeadLetter(InvalidMessage(message.reason), "undecodable"))
        error = PermanentFailure(f"{delivery.deaths} workers died while they had it")
        return await self._fail(delivery, DeadLetter(error, "poison"))

    # What was raised ---------------------------------------------------------------------------

    async def _raised(self, delivery: Delivery, error: BaseException, handler: Any) -> Any:
        # Not so a SystemExit: a handler ends itself, never those that came with it.
        if isinstance(error, (GeneratorExit, KeyboardInterrupt)):
            raise error
        if self.is_stopping and isinstance(error, (CancelledError, WorkerShutdown)):
            return HAND_BACK
        try:
            outcome = await self._verdict(delivery, error)
        except Exception as worse:  # while answering, or deciding
            outcome = self._decided(worse, delivery)
        return await self._guarded(delivery, outcome, handler)

    async def _verdict(self, delivery: Delivery, error: BaseException) -> Any:
        if not isinstance(error, (Drop, Respond)):
            with suppress(Exception):  # the first error is the one that counts
                await self._complete(delivery, delivery.take_unfinished())
            return self._decided(error, delivery)
        if isinstance(error, Respond):
            await self._answer(error, delivery)
            await finished(self._worker.on_left_out(delivery.message, DONE, delivery))
        await self._complete(delivery, delivery.take_unfinished())
        return DONE if isinstance(error, Respond) else Dropped(error.reason)

    async def _complete(self, delivery: Delivery, unfinished: Iterable[Any]) -> None:
        """Wait for all that is still to be staged, whatever fails; then raise the first error."""
        errors = []
        while unfinished:
            for each in unfinished:
                try:
                    await each
                except Exception as error:
                    errors.append(error)
            unfinished = delivery.take_unfinished()
        if errors:
            raise errors[0]

    async def _answer(self, respond: Respond, delivery: Delivery) -> None:
        kind = opposite(self.kind, respond.message)
        entered = getattr(respond, "entered", None)  # a handler's answer passes all middleware
        way = (
            self._stack.publish(kind)
            if entered is None
            else self._stack.back_from_consume(kind, entered)
        )
        answer = await finished(way(respond.message, self._name))
        await self._publisher.put(kind, answer, Edge(delivery))

    def _decided(self, error: BaseException, delivery: Delivery) -> Any:
        try:
            outcome = self._worker.decide(error, delivery)
        except Exception:
            _log.failure("{name}: could not decide what to do about an error", name=self._name)
            outcome = None
        return outcome if isinstance(outcome, _OUTCOMES) else DeadLetter(error)

    # Making outcomes true ----------------------------------------------------------------------

    async def _guarded(self, delivery: Delivery, outcome: Any, handler: Any) -> Any:
        try:
            return await self._make_true(delivery, outcome, handler)
        except Exception as error:  # as in a nack's publish chain
            decided = self._decided(error, delivery)
            failed = decided if isinstance(decided, Retry) else DeadLetter(error)
            return await self._make_true(delivery, failed, handler)

    async def _make_true(self, delivery: Delivery, outcome: Any, handler: Any) -> Any:
        if isinstance(outcome, Retry):
            return self._retry(delivery, outcome, handler)
        if isinstance(outcome, DeadLetter):
            return await self._fail(delivery, outcome, handler)
        if isinstance(outcome, Dropped):
            await self._drop(delivery, outcome)
        return outcome

    async def _drop(self, delivery: Delivery, outcome: Dropped) -> None:
        _log.info(
            "{name}: {kind} message {message} dropped: {reason}",
            name=self._name,
            kind=self.kind,
            message=delivery.message,
            reason=outcome.reason,
        )
        if self.kind == "outbound":
            await self._publisher.nack(delivery.message, outcome.reason, Edge(delivery))
        await finished(self._worker.on_left_out(delivery.message, outcome, delivery))
        await self._complete(delivery, delivery.take_unfinished())

    def _retry(self, delivery: Delivery, outcome: Retry, handler: Any) -> Retry:
        now = self._worker.clock.seconds()
        place = where(outcome.error, handler)
        post = next_attempt(delivery, outcome.after, outcome.error or outcome.reason, now, place)
        delivery.restart()
        delivery.stage(post)
        self._worker.on_retry(delivery.message, outcome, delivery)
        if outcome.error is not None and not isinstance(outcome.error, RetryLater):
            # Else whoever waits for the message would see nothing until it is given up.
            _log.info(
                "{name}: {delivery!r} failed, again in {after:.3g} s: {error}",
                name=self._name,
                delivery=delivery,
                after=outcome.after,
                error=described(outcome.error),
            )
        return outcome

    async def _fail(self, delivery: Delivery, outcome: DeadLetter, handler: Any = None) -> Any:
        """A final failure: who wants to know stages what it wants to say, then the dead letter."""
        delivery.restart()
        final: Any = outcome
        try:
            told = self._worker.on_final_failure(delivery.message, outcome.error, outcome, delivery)
            final = await finished(told)
            await self._complete(delivery, delivery.take_unfinished())
        except Exception:
            _log.failure("{name}: on_final_failure failed", name=self._name)
            delivery.restart()
            final = outcome
        if type(final) is Done:
            return final
        buried = final if type(final) is DeadLetter else outcome
        return self._bury(delivery, buried, handler, forget=False)

    def _bury(
        self, delivery: Delivery, outcome: DeadLetter, handler: Any = None, forget: bool = True
    ) -> DeadLetter:
        if forget:
            delivery.restart()
        now = self._worker.clock.seconds()
        error = outcome.error
        place = where(error, handler)
        delivery.stage(dead_letter(delivery, outcome.reason, error, now, place))
        _log.error(
            "{name}: {delivery!r} is a dead letter, {reason}: {error}",
            name=self._name,
            delivery=delivery,
            reason=outcome.reason,
            error=described(error),
        )
        return outcome

    # Besides -----------------------------------------------------------------------------------

    def _tell_received(self, delivery: Delivery) -> None:
        message_received.send_robust(
            self._connector, kind=self.kind, message=delivery.message, delivery=delivery
        )

    def _unhandled(self, message: Any) -> None:
        _log.warn(
            "{name}: nobody handles {kind} messages for endpoint {endpoint!r}: {message}",
            name=self._name,
            kind=self.kind,
            endpoint=message.get_routing_endpoint(),
            message=message,
        )
