"""What was read from a foreign place, before it is a message."""

from __future__ import annotations

from typing import NamedTuple

from pipeline.errors import InvalidMessage
from pipeline.transports.redis.payloads import Pairs

__all__ = ["Entry", "Malformed"]


class Entry(NamedTuple):
    """One entry.

    :param place: where it lay, as ``orders``.
    :param id: what the place calls it, the same each time that it is read; '' when it is heard
        only once.
    :param value: a stream entry's fields, or the bytes of a list's item or a channel's message.
    """

    place: str
    id: str
    value: Pairs | bytes

    @property
    def key(self) -> str:
        """What tells it from all others, in every process."""
        return f"{self.place}/{self.id}"

    @property
    def size(self) -> int:
        """How many bytes it has."""
        if isinstance(self.value, bytes):
            return len(self.value)
        return sum(len(name) + len(value) for name, value in self.value)


class Malformed(InvalidMessage):
    """An entry that is no message and never will be.

    :param reason: the dead letter's, in one word.
    """

    def __init__(self, what: str, reason: str = "malformed") -> None:
        super().__init__(what)
        self.reason = reason
