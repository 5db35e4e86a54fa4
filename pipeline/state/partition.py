"""In which partition a message from the edge is kept, with all that it touches on its way there."""

from __future__ import annotations

import hashlib
import random
import zlib
from contextvars import ContextVar
from typing import Any

__all__ = ["choose_anew", "owner_of", "partition_for", "partition_of"]


class _Choice:
    """The partition of one message that goes out, once somebody has asked for it."""

    __slots__ = ("partition",)

    def __init__(self) -> None:
        self.partition: int | None = None


_choice: ContextVar[_Choice | None] = ContextVar("pipeline_partition", default=None)


def choose_anew() -> None:
    """Say that another message goes out in this context from now on."""
    _choice.set(_Choice())


def partition_for(worker: Any, kind: str, message: Any) -> int:
    """The partition of a message that goes out with no delivery in hand.

    Chosen when it is first asked for, and the same from then on, although middleware may give the
    message another address: so what is written about it and the message itself are together.

    :param worker: gives the broker and the ordering key.
    :param kind: as ``inbound``.
    """
    partitions: int = worker.broker.partitions
    if partitions == 1:
        return 0
    choice = _choice.get()
    if choice is None:
        return _chosen(worker, kind, message, partitions)
    if choice.partition is None:
        choice.partition = _chosen(worker, kind, message, partitions)
    return choice.partition


def _chosen(worker: Any, kind: str, message: Any, partitions: int) -> int:
    key = worker.ordering_key(message, kind)
    if key is None:
        # Its own id, so that a message that is published again meets what it left behind.
        key = getattr(message, "message_id", None) or getattr(message, "event_id", None)
    return random.randrange(partitions) if key is None else partition_of(key, partitions)


def partition_of(key: Any, partitions: int) -> int:
    """The partition of all messages with this ordering key."""
    return zlib.crc32(str(key).encode()) % partitions


def owner_of(session_id: str) -> str:
    """What stands for a session's id in keys: who reads the store learns no id from it.

    It is the ordering key of the session's requests, too, and so they go where the session is.
    """
    return hashlib.sha256(session_id.encode()).hexdigest()
