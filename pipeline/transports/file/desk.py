"""What those have in common who make messages of lines."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from pipeline.connector.posting import dead_letter
from pipeline.delivery import Delivery, Post
from pipeline.errors import InvalidMessage
from pipeline.threads import Threads
from pipeline.transports.file.config import FileConfig
from pipeline.transports.file.entries import Entries
from pipeline.transports.file.rest import Rest
from pipeline.transports.file.room import Room
from pipeline.transports.file.tail import Line
from pipeline.transports.statistics import Statistics

__all__ = ["Desk"]

_log = Logger()


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

    def message(self, line: Line, id: str) -> Any:
        """The message of a line.

        :param id: its id, unless it says one itself.
        :raise InvalidMessage: it is something else, or too long.
        """
        if line.is_cut:
            raise InvalidMessage(f"a line may have {self.config.max_line} bytes")
        return self.entries.message(line.data, id)

    def running(self, coroutine: Coroutine[Any, Any, None]) -> Deferred[None]:
        """Run something until it ends; what breaks it is logged, unless it is cancelled."""
        running: Deferred[Any] = Deferred.fromCoroutine(coroutine)
        return running.addErrback(_broken)

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


def _broken(failure: Failure) -> Any:
    if failure.check(CancelledError):
        return failure  # its time is over
    _log.failure("reading broke", failure)
    return None
