"""Entries of a stream as deliveries, and deliveries as messages to be put back.

An entry has the field ``m``, the message, and for what is not its first time ``a`` the attempt,
``t`` when it was first enqueued (ms), ``d`` how many workers died with it, ``h`` its history and
``c`` the context of its trace.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from pipeline.delivery import Delivery, Post

__all__ = ["Entries", "again", "named"]


class Entries:
    """Makes deliveries of one queue in one partition.

    :param queue: the queue's name.
    :param partition: the partition's number.
    :param reader: reads the partition's store.
    """

    def __init__(self, queue: str, partition: int, reader: Any) -> None:
        self._queue = queue
        self._partition = partition
        self._reader = reader

    def deliveries(
        self, token: bytes, entries: Iterable[tuple[bytes, Sequence[bytes]]]
    ) -> list[Delivery]:
        """The deliveries of new entries, those that were deleted meanwhile left out.

        :param token: the token of the queue's life they were read in.
        :param entries: ids with their fields and values.
        """
        queue, partition, reader = self._queue, self._partition, self._reader
        made = []
        for id, values in entries:
            if values and len(values) == 2 and values[0] == b"m":  # as most are
                made.append(Delivery(queue, id, values[1], partition, token, reader))
            elif values:
                made.append(self.delivery(token, id, values))
        return made

    def delivery(
        self, token: bytes, id: bytes, values: Sequence[bytes], deaths: int = 0
    ) -> Delivery:
        """The delivery of an entry.

        :param token: the token of the queue's life it was read in.
        :param deaths: how many workers died with it, besides those it carries.
        """
        fields = named(values)
        return Delivery(
            self._queue,
            id,
            fields.get(b"m", b""),
            self._partition,
            token,
            self._reader,
            attempt=_number(fields.get(b"a"), 1),
            deaths=deaths + _number(fields.get(b"d"), 0),
            enqueued_at=_number(fields.get(b"t"), 0) or None,
            history=fields.get(b"h", b""),
            trace=fields.get(b"c", b""),
        )


def named(values: Sequence[bytes]) -> dict[bytes, bytes]:
    """An entry's fields by their names."""
    return dict(zip(values[::2], values[1::2], strict=False))


def again(delivery: Delivery, now: float) -> Post:
    """A message that goes back to its queue as it came, after what is left of its wait.

    :param now: seconds, on the clock of the wait.
    """
    headers = [b"a", b"%d" % delivery.attempt, b"t", b"%d" % delivery.enqueued_at]
    if delivery.deaths:
        headers += [b"d", b"%d" % delivery.deaths]
    if delivery.history:
        headers += [b"h", delivery.history]
    headers += delivery.trace_headers
    left = 0 if delivery.wait is None else max(0, round((delivery.wait - now) * 1000))
    return Post(delivery.queue, delivery.payload, tuple(headers), delay=left)


def _number(text: bytes | None, default: int) -> int:
    return int(text) if text is not None and text.isdigit() and len(text) < 19 else default
