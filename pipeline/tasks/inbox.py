"""The queue that the results of one client's calls come to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.logger import Logger
from twisted.python.failure import Failure

from pipeline.connector.reading import Reader, Window
from pipeline.delivery import Delivery

__all__ = ["Inbox"]

#: The most answers of one queue that are taken and not yet acknowledged.
IN_HAND = 1000


class Inbox:
    """Reads a queue that belongs to this process alone, and acknowledges what it has given.

    :param consumer: an :class:`~pipeline.interfaces.IConsumer` of the queue.
    :param codec: decodes what comes.
    :param clock: the reactor.
    :param take: called with each message, or with an Undecodable.
    """

    log = Logger("pipeline.tasks")

    def __init__(
        self, consumer: Any, codec: Any, clock: Any, take: Callable[[Any], object]
    ) -> None:
        self._consumer = consumer
        self._decode = codec.decode
        self._take = take
        self._reader = Reader(consumer, Window(IN_HAND), clock, self._handle)

    async def open(self) -> None:
        """Make the queue and begin to read it."""
        await self._consumer.open()
        self._reader.read()

    async def close(self) -> None:
        """Read no more."""
        await self._reader.pause()
        left = self._reader.close()
        if left:
            await self._consumer.hand_back(left)
        await self._consumer.close()

    def _handle(self, batch: list[Delivery]) -> None:
        for delivery in batch:
            self._take(self._decode(delivery.payload))
        settled = self._consumer.settle(batch)
        settled.addErrback(self._not_settled)
        settled.addCallback(lambda _: self._let_go(batch))

    def _not_settled(self, failure: Failure) -> None:
        self.log.failure("results could not be acknowledged", failure)

    def _let_go(self, batch: list[Delivery]) -> None:
        for delivery in batch:
            self._reader.release(delivery)
        self._reader.take_more()
