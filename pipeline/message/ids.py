"""Ids of messages: random, unless what is being handled gives them out.

While a delivery is in hand it is the :data:`id_source`: the ids of messages that are made meanwhile
derive from it, and a second run of the same message makes the same ids.
"""

from __future__ import annotations

import hashlib
import os
from contextvars import ContextVar
from typing import Protocol

import msgspec

__all__ = ["derived_id", "id_on_wire", "id_source", "new_id", "random_id"]


class IdSource(Protocol):
    """Gives ids to new messages."""

    def next_id(self) -> str:
        """An id that it hasn't given yet."""


#: What gives the ids of new messages in this context; None: they are random.
id_source: ContextVar[IdSource | None] = ContextVar("id_source", default=None)

_AT_ONCE = 64
# RFC 4122: two bits of a UUID are always the same, so this digit is one of four.
_VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}

_ready: list[str] = []
# A forked child must not give out its parent's ids.
os.register_at_fork(after_in_child=_ready.clear)


def new_id() -> str:
    """A new id: from :data:`id_source` when it is set, else a random one."""
    source = id_source.get()
    return random_id() if source is None else source.next_id()


def derived_id(parent: str, index: int) -> str:
    """The id of the index-th thing that handling ``parent`` makes; 32 hexadecimal digits.

    The same in every run, so that a message handled twice makes no new ids.
    """
    return hashlib.blake2b(f"{parent}:{index}".encode(), digest_size=16).hexdigest()


class _Named(msgspec.Struct):
    """All that is looked for in a message."""

    message_id: str = ""


_from_json = msgspec.json.Decoder(_Named).decode
_from_msgpack = msgspec.msgpack.Decoder(_Named).decode


def id_on_wire(payload: bytes) -> str:
    """The id of an encoded message; ``""`` if it has none, or is no message."""
    try:
        return (_from_json if payload[:1] == b"{" else _from_msgpack)(payload).message_id
    except (msgspec.MsgspecError, RecursionError):
        return ""


def random_id() -> str:
    """A random (version 4) UUID as 32 hexadecimal digits.

    Like ``uuid.uuid4().hex``, of the same strength, at a fraction of its cost: the system's
    randomness is fetched for many ids at a time.
    """
    try:
        return _ready.pop()
    except IndexError:
        _ready.extend(_fresh(os.urandom(16 * _AT_ONCE)))
        return random_id()


def _fresh(noise: bytes) -> list[str]:
    digits = noise.hex()
    return [_uuid4(digits[at : at + 32]) for at in range(0, len(digits), 32)]


def _uuid4(digits: str) -> str:
    return f"{digits[:12]}4{digits[13:16]}{_VARIANT[digits[16]]}{digits[17:]}"
