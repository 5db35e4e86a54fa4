"""Errors of the server, as ours; for clients with Twisted and without."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipeline.errors import ServerRefused

if TYPE_CHECKING:
    from twisted.python.failure import Failure

__all__ = ["refused", "with_keys"]

#: How many keys an error names.
KEYS_SHOWN = 6


def refused(text: str) -> ServerRefused:
    """The error that a server's reply tells of; its code is the first word."""
    return ServerRefused(text, code=text.partition(" ")[0])


def with_keys(why: Failure, keys: Sequence[bytes | str | int]) -> Failure:
    """A failed script's error; of a key that holds something else it says which may be meant.

    :param keys: the script's: the server says no key, and whoever mends it needs to know where to
        look.
    """
    if getattr(why.value, "code", "") != "WRONGTYPE":
        return why
    shown = [key.decode("utf-8", "replace") if isinstance(key, bytes) else key for key in keys]
    more = " .." if len(shown) > KEYS_SHOWN else ""
    named = ", ".join(map(str, shown[:KEYS_SHOWN]))
    return type(why)(refused(f"WRONGTYPE a key is not what it should be, one of {named}{more}"))
