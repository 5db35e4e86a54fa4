"""One middleware in a test, as a worker has it: loaded, set up, in a real stack."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.applications.base import Application
from pipeline.delivery import Delivery, Post, Settled, current
from pipeline.eager import finished
from pipeline.errors import Drop, Respond
from pipeline.middleware.base import TransportMiddleware
from pipeline.testing.places import Place
from pipeline.testing.times import Soon
from pipeline.testing.workers import WorkerHelper
from pipeline.transports.base import Transport
from pipeline.worker import Worker

__all__ = ["MiddlewareHelper"]


class MiddlewareHelper(WorkerHelper):
    """A :class:`~pipeline.testing.workers.WorkerHelper` for a middleware.

    :meth:`consume` and :meth:`publish` pass single messages through it. To see it at work between
    workers, list it in the ``middleware`` of what ``get_worker`` makes.

    :param middleware_class: the class of the middleware.
    :param place: as of a WorkerHelper.
    :param fields: of a :class:`~pipeline.testing.messages.MessageHelper`.
    """

    def __init__(self, middleware_class: Any, *, place: Place | None = None, **fields: Any) -> None:
        super().__init__(place=place, **fields)
        self.middleware_class = middleware_class
        self._worker: Worker | None = None

    def create_middleware(
        self,
        config: Mapping[str, Any] | None = None,
        cls: Any = None,
        name: str = "tested",
        worker_class: type[Worker] | None = None,
    ) -> Soon[Any]:
        """Make a middleware as a worker does, and set it up.

        :param config: its options.
        :param cls: another class than the helper's.
        :param name: its name.
        :param worker_class: whose it is; None: an application, or a transport if the class derives
            from TransportMiddleware.
        :raise ConfigError: an option is wrong.
        """
        return self.soon(
            self._create(config or {}, cls or self.middleware_class, name, worker_class)
        )

    def consume(self, kind: str, message: Any, connector_name: str | None = None) -> Soon[Any]:
        """Pass a message that is read through the stack, with a delivery in hand.

        What middleware stages there, in the store or to be published, is settled when it has
        passed, and when middleware raised Drop or Respond; on other errors it is forgotten.

        :param kind: ``inbound``, ``outbound``, ``event``, ``failure`` or ``status``.
        :return: the message as it came out: not the one that went in, which is sent over the wire.
        :raise Exception: what middleware raised.
        """
        return self.soon(self._in_hand(kind, message, self._stack().consume(kind), connector_name))

    def publish(
        self, kind: str, message: Any, connector_name: str | None = None, in_hand: Any = None
    ) -> Soon[Any]:
        """Pass a message that goes out through the stack; it is not published.

        :param in_hand: the inbound message that a worker handles when it publishes this; None: at
            the edge, with no delivery in hand.
        :return: the message as it came out.
        :raise Exception: what middleware raised.
        """
        chain = self._stack().publish(kind)
        name = connector_name or self.connector_name
        if in_hand is None:
            return self.soon(_passed(chain, message, name))
        return self.soon(self._in_hand("inbound", in_hand, chain, name, message))

    def _stack(self) -> Any:
        if self._worker is None:
            raise AssertionError("there is no middleware yet: call create_middleware first")
        return self._worker.stack

    async def _create(
        self, config: Mapping[str, Any], cls: Any, name: str, worker_class: type[Worker] | None
    ) -> Any:
        of_transport = isinstance(cls, type) and issubclass(cls, TransportMiddleware)
        whose = worker_class or (Transport if of_transport else Application)
        options = {"middleware": [{name: cls}], name: config}
        self._worker = await self.get_worker(whose, options)
        if not self._worker.middlewares:
            raise AssertionError(f"{cls!r} is no middleware for messages, or wants not to be used")
        return self._worker.middlewares[0]

    async def _in_hand(
        self, kind: str, message: Any, chain: Any, name: str | None, other: Any = None
    ) -> Any:
        """Pass a message, or with it in hand another, as a connector does."""
        consumer, delivery = await self._delivery(kind, message)
        current.set(delivery)
        subject = delivery.message if other is None else other
        try:
            passed = await _passed(chain, subject, name or self.connector_name)
            for unfinished in delivery.take_unfinished():
                await unfinished
        except Exception as error:
            if not isinstance(error, (Drop, Respond)):
                delivery.restart()
            await _settle(consumer, delivery)
            raise
        await _settle(consumer, delivery)
        return passed

    async def _delivery(self, kind: str, message: Any) -> tuple[Any, Delivery]:
        """A message in hand, that went over the wire."""
        assert self._worker is not None
        broker, codec = self._worker.broker, self._worker.codec
        consumer = broker.consumer(f"{self.connector_name}.{kind}@helper")
        await consumer.open()
        await broker.publish([Post(consumer.queue, codec.encode(message))])
        [delivery] = await consumer.take(1)
        delivery.message = codec.decode(delivery.payload)
        delivery.message._delivery = delivery
        return consumer, delivery


async def _settle(consumer: Any, delivery: Delivery) -> None:
    """Make true what is staged, and let go of the queue.

    :raise AssertionError: it can't be; a connector would have it handled anew, or bury it.
    """
    [result] = await consumer.settle([delivery])
    why = f"{result.value} {delivery.refusal}".rstrip()
    if result is not Settled.WON:
        await consumer.hand_back([delivery])
    await consumer.close()
    if result is not Settled.WON:
        raise AssertionError(f"what was staged could not be settled: {why}")


async def _passed(chain: Any, message: Any, name: str) -> Any:
    return await finished(chain(message, name))
