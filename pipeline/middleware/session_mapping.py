"""A session as views see it: a mapping that knows whether it was used, and whether it changed."""

from __future__ import annotations

import math
from collections.abc import Iterator, MutableMapping
from typing import Any

import msgspec

__all__ = ["Session"]

#: The key of a lifetime of the session's own.
EXPIRY = "_expiry"


class Session(MutableMapping[str, Any]):
    """What is remembered of somebody from one request to the next.

    Keys are texts, values what JSON has: texts, numbers, lists, mappings, null. A change within a
    value, as ``session["cart"].append(7)``, is noticed as well. Keys that begin with an underscore
    are for middleware.

    :param stored: the session as it is kept, in JSON; None: there is none.
    :ivar is_accessed: somebody has looked into it, or changed it.
    :ivar is_renewed: it is to be kept under another id.
    :ivar stored: as it was given.
    """

    def __init__(self, stored: bytes | None = None) -> None:
        self.stored = stored
        self.is_accessed = False
        self.is_renewed = False
        self._loaded: dict[str, Any] | None = None

    @property
    def _values(self) -> dict[str, Any]:
        self.is_accessed = True
        return self._load()

    def _load(self) -> dict[str, Any]:
        if self._loaded is None:
            self._loaded = _decoded(self.stored)
        return self._loaded

    def cycle_key(self) -> None:
        """Keep what is in it under a new id: the old one, which others may know, is worth nothing.

        Do so whenever somebody gets more rights than they had.
        """
        self.is_accessed = self.is_renewed = True

    def flush(self) -> None:
        """Forget all that is in it, and its id."""
        self.cycle_key()
        self._loaded = {}

    def set_expiry(self, seconds: float | None) -> None:
        """Have this session live for another time than others.

        :param seconds: from its last change on; 0: until the browser is closed; None: as others.
        :raise ValueError: neither 0 nor a second or more.
        """
        if seconds is None:
            self.pop(EXPIRY, None)
            return
        if seconds != 0 and not 1 <= seconds < math.inf:
            raise ValueError(f"a session can't last {seconds} s")
        self[EXPIRY] = seconds

    @property
    def expiry(self) -> float | None:
        """What :meth:`set_expiry` was given."""
        return self._values.get(EXPIRY)

    def peek(self, key: str) -> Any:
        """A value, or None; it doesn't count as an access."""
        return self._load().get(key)

    def encoded(self) -> bytes | None:
        """It as it is to be kept; None: nothing is in it.

        :raise TypeError: a key is no text, or a value can't be JSON.
        """
        if self._loaded is None:
            return self.stored
        if not self._loaded.keys() - {EXPIRY}:
            return None
        if not all(isinstance(key, str) for key in self._loaded):
            raise TypeError("the keys of a session are texts")
        return msgspec.json.encode(self._loaded)

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._values[key] = value

    def __delitem__(self, key: str) -> None:
        del self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return "<Session>"


def _decoded(stored: bytes | None) -> dict[str, Any]:
    """What is kept; nothing if it can't be read, as when another program wrote it."""
    if stored is None:
        return {}
    try:
        values: dict[str, Any] = msgspec.json.decode(stored, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return {}
    return values
