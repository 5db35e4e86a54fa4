"""What those have in common who make messages of lines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred

from pipeline.connector.posting import dead_letter
from pipeline.delivery import Delivery, Post
from pipeline.threads import Threads
from pipeline.transports.file.config import FileConfig
from pipeline.transports.file.entries import Entries
from pipeline.transports.file.rest import Rest
from pipeline.transports.file.room import Room
from pipeline.transports.statistics import Statistics

__all__ = ["Desk"]


@dataclass(frozen=True)
class Desk:
    """The desk at which lines become messages.

    :param config: the transport's options.
    :param broker: an :class:`~pipeline.interfaces.IBroker`.
    :param clock: the reactor.
    :param publish: ``publish(message, delivery)``: runs the publish chain, and stages the message
        in the delivery; without one publishes it.
    :param partition: the partition that a message belongs to; None: any.
    :param entries: makes messages of lines.
    :param room: in the queue of inbound messages.
    :param rest: ends when the transport stops.
    :param threads: where files are read.
    :param statistics: what counts.
    """

    config: FileConfig
    broker: Any
    clock: Any
    publish: Callable[[Any, Delivery | None], Deferred[Any]]
    partition: Callable[[Any], int | None]
    entries: Entries
    room: Room
    rest: Rest
    threads: Threads
    statistics: Statistics

    def dead_letter(self, line: bytes, error: BaseException, where: str, partition: int) -> Post:
        """A dead letter of the inbound queue, for a line of which no message could be made.

        :param where: in which file, at which byte.
        """
        self.statistics.count("malformed")
        now = self.clock.seconds()
        queue = f"{self.config.transport_name}.inbound"
        letter = Delivery(queue, b"", line, partition=partition, enqueued_at=round(now * 1000))
        return dead_letter(letter, "undecodable", error, now, where)

    async def in_thread(self, function: Callable[..., Any], *args: Any) -> Any:
        """What a function that blocks returns."""
        await self.threads.free()
        return await self.threads.run(function, *args)
