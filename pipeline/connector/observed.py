"""What there is to see of a connector from outside: what it has in hand, and whether it reads."""

from __future__ import annotations

from typing import NamedTuple

from pipeline.connector.flow import Flow, Source
from pipeline.connector.publishing import Publisher

__all__ = ["Observed", "Progress"]


class Progress(NamedTuple):
    """How the reading of one queue, in one partition, goes.

    :param queue: its name.
    :param partition: its number.
    :param is_reading: False when it is paused, or not begun.
    :param is_halted: it should take more and does nothing to get it: a fault of the framework.
    :param waiting_since: since when the server owes an answer to a take that is out, in seconds on
        the clock; None: no take is out.
    :param in_hand: how many deliveries of it are in hand.
    :param newest: the id of the one that was taken last, of these; b"" when there is none.
    :param is_full: nothing is taken, for as many are in hand as may be.
    """

    queue: str
    partition: int
    is_reading: bool
    is_halted: bool
    waiting_since: float | None
    in_hand: int
    newest: bytes
    is_full: bool


class Observed:
    """A connector, as whoever looks at it sees it. Looking costs its messages nothing."""

    _flow: Flow
    _publisher: Publisher

    @property
    def reads(self) -> list[str]:
        """The queues that it reads, paused or not: none before it is started and when it stops."""
        return list(dict.fromkeys(source.consumer.queue for source in self._flow.sources))

    @property
    def lost(self) -> int:
        """How many deliveries were settled by others first."""
        return self._flow.lost

    @property
    def shed(self) -> int:
        """How many messages were thrown away because their queue was full."""
        return self._publisher.pressure.shed

    @property
    def in_hand(self) -> int:
        """How many deliveries are in hand now."""
        return self._flow.in_hand

    @property
    def max_in_flight(self) -> int:
        """How many may be handled at a time."""
        return self._flow.limit

    def progress(self) -> list[Progress]:
        """How reading goes, of each queue in each partition; nothing when it isn't started."""
        return [_progress(source) for source in self._flow.sources]


def _progress(source: Source) -> Progress:
    reader, consumer = source.reader, source.consumer
    newest = next(reversed(reader.held), None)
    return Progress(
        consumer.queue,
        consumer.partition,
        reader.is_reading,
        reader.is_halted,
        consumer.waiting_since,
        len(reader.held),
        b"" if newest is None else newest.id,
        source.window.room < 1,
    )
