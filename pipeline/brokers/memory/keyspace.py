"""The store's keys in memory, with the types, the refusals and the times to live of Redis."""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Callable, Iterable
from typing import Any

from pipeline.errors import ServerRefused
from pipeline.store import MOST, READS, WRITES, Check, Write

__all__ = ["Keyspace"]

#: A key's type and its text.
Name = tuple[str, str]

INTEGER = re.compile(rb"0|-?[1-9][0-9]*")
LARGEST = 2**63 - 1
#: How many keys with a time to live there are before the expired ones are looked for.
SWEEP = 1000
#: The writes that a stored or a given value can make impossible.
FALLIBLE = frozenset({"incr", "hincr", "zadd", "ztrim"})


def _raw(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode()


def _whole(value: Any, what: str) -> int:
    """An integer as Redis takes it: of 64 bits, written in one way only."""
    if isinstance(value, int):
        return value
    if not isinstance(value, bytes) or not INTEGER.fullmatch(value):
        raise ServerRefused(f"{what} is not an integer", "ERR")
    return int(value)


def _sum(before: Any, by: Any, what: str) -> int:
    after = _whole(before, what) + _whole(by, "the increment")
    if not -LARGEST - 1 <= after <= LARGEST:
        raise ServerRefused("increment or decrement would overflow", "ERR")
    return after


def _score(raw: bytes) -> float:
    try:
        score = float(raw)
    except ValueError:
        score = math.nan
    if math.isnan(score):
        raise ServerRefused("a score is not a valid float", "ERR")
    return score


def _range(scores: dict[bytes, float], start: int, stop: int, newest_first: bool) -> list[bytes]:
    """A piece of a sorted set; negative positions count from its end, ``stop`` is included."""
    ordered = sorted(scores, key=lambda member: (scores[member], member), reverse=newest_first)
    first = max(0, start + len(ordered) if start < 0 else start)
    last = stop + len(ordered) if stop < 0 else stop
    return ordered[first : max(0, last + 1)]


#: What each read answers, from the stored value or None.
_READERS: dict[str, Callable[..., Any]] = {
    "get": lambda value: value,
    "count": lambda value: value or 0,
    "hget": lambda value, field: (value or {}).get(_raw(field)),
    "hgetall": lambda value: dict(value or {}),
    "sismember": lambda value, member: _raw(member) in (value or ()),
    "smembers": lambda value: set(value or ()),
    "zscore": lambda value, member: (value or {}).get(_raw(member)),
    "zrange": lambda value, *where: _range(value or {}, *where),
    "zscored": lambda value, *where: [
        (member, value[member]) for member in _range(value or {}, *where)
    ],
    "zcount": lambda value, low, high: sum(
        low <= score <= high for score in (value or {}).values()
    ),
    "zcard": lambda value: len(value or ()),
}


class Keyspace:
    """Typed keys with a time to live.

    :param now: answers the time, in milliseconds.
    """

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self._values: dict[Name, Any] = {}
        self._expiry: dict[Name, int] = {}
        self._sweep_at = SWEEP

    def read(self, op: str, key: str, *args: Any) -> Any:
        """One value, see :data:`pipeline.store.READS`.

        :raise ServerRefused: there is no such read.
        """
        if op not in READS:
            raise ServerRefused(f"unknown read '{op}'", "ERR")
        return _READERS[op](self._live((READS[op][0], key)), *args)

    def holds(self, checks: Iterable[Check]) -> bool:
        """Whether everything that was read is still so."""
        return all(self.read(op, key, *args) == seen for op, key, args, seen in checks)

    def apply(self, writes: Iterable[Write]) -> None:
        """All of the writes, or none.

        :raise ServerRefused: one of them can't be done; nothing has changed.
        """
        writes = list(writes)
        before = self._before(writes)
        try:
            for write in writes:
                self._write(write)
        except ServerRefused:
            for name, (value, expiry) in before.items():
                self._put(name, value)
                self._expire_at(name, expiry)
            raise

    def mark(self, key: str, ttl: int) -> bool:
        """Remember a text for ``ttl`` milliseconds; whether it was new."""
        name = ("mark", key)
        if self._live(name) is not None:
            return False
        self._values[name] = True
        self._expire_in(name, ttl)
        return True

    def _before(self, writes: list[Write]) -> dict[Name, tuple[Any, int | None]]:
        """What must be put back should a later write fail; none of it when none can."""
        names = {self._name(write) for write in writes}
        if len(writes) < 2 or FALLIBLE.isdisjoint(write[0] for write in writes):
            return {}
        return {name: self._saved(name) for name in names}

    # Keys --------------------------------------------------------------------------------------

    def _live(self, name: Name) -> Any:
        if self._expiry.get(name, math.inf) <= self._now():
            self._put(name, None)
        return self._values.get(name)

    def _saved(self, name: Name) -> tuple[Any, int | None]:
        return copy.copy(self._live(name)), self._expiry.get(name)

    def _put(self, name: Name, value: Any) -> None:
        """Keep a value; a key with nothing in it is no key, and has no time to live."""
        if value is None or (not value and isinstance(value, dict | set)):
            self._values.pop(name, None)
            self._expiry.pop(name, None)
        else:
            self._values[name] = value

    def _expire_at(self, name: Name, when: int | None) -> None:
        if when is None or name not in self._values:
            self._expiry.pop(name, None)
            return
        self._expiry[name] = when

    def _expire_in(self, name: Name, ttl: int) -> None:
        """Forget a key ``ttl`` ms from now; 0 leaves it as it was."""
        if not ttl:
            return
        self._expire_at(name, self._now() + ttl)
        if len(self._expiry) > self._sweep_at:
            self._sweep()

    def _sweep(self) -> None:
        for name in list(self._expiry):
            self._live(name)
        self._sweep_at = max(SWEEP, 2 * len(self._expiry))

    # Writes ------------------------------------------------------------------------------------

    def _name(self, write: Write) -> Name:
        op, key, *args = write
        if op not in WRITES:
            raise ServerRefused(f"unknown write '{op}'", "ERR")
        kind = WRITES[op] or args[0]
        if kind not in WRITES.values():
            raise ServerRefused(f"unknown type of key '{kind}'", "ERR")
        return kind, key

    def _write(self, write: Write) -> None:
        name = self._name(write)
        getattr(self, f"_do_{write[0]}")(name, *write[2:])

    def _do_set(self, name: Name, value: bytes, ttl: int) -> None:
        self._values[name] = value
        self._expiry.pop(name, None)
        self._expire_in(name, ttl)

    def _do_delete(self, name: Name) -> None:
        self._put(name, None)

    def _do_incr(self, name: Name, by: int, ttl: int) -> None:
        self._values[name] = _sum(self._live(name) or 0, by, "value")
        self._expire_in(name, ttl)

    def _do_hset(self, name: Name, ttl: int, *flat: bytes) -> None:
        stored = self._live(name) or {}
        stored.update(zip(flat[::2], flat[1::2], strict=True))
        self._put(name, stored)
        self._expire_in(name, ttl)

    def _do_hdel(self, name: Name, *fields: bytes) -> None:
        stored = self._live(name) or {}
        for field in fields:
            stored.pop(field, None)
        self._put(name, stored)

    def _do_hincr(self, name: Name, field: bytes, by: int) -> None:
        stored = self._live(name) or {}
        after = _sum(stored.get(field, b"0"), by, "hash value")
        stored[field] = str(after).encode()
        self._put(name, stored)

    def _do_hclear(self, name: Name) -> None:
        self._put(name, None)

    def _do_sadd(self, name: Name, ttl: int, *members: bytes) -> None:
        stored = self._live(name) or set()
        stored.update(members)
        self._put(name, stored)
        self._expire_in(name, ttl)

    def _do_srem(self, name: Name, *members: bytes) -> None:
        stored = self._live(name) or set()
        stored.difference_update(members)
        self._put(name, stored)

    def _do_zadd(self, name: Name, ttl: int, score: bytes, member: bytes) -> None:
        stored = self._live(name) or {}
        stored[member] = _score(score)
        self._put(name, stored)
        self._expire_in(name, ttl)

    def _do_zrem(self, name: Name, *members: bytes) -> None:
        self._do_hdel(name, *members)

    def _do_ztrim(self, name: Name, below: bytes, most: int) -> None:
        limit = _score(below)
        if not 0 < most <= MOST:
            raise ServerRefused(f"not a number to remove: {most}", "ERR")
        stored = self._live(name) or {}
        old = [member for member in _range(stored, 0, most - 1, False) if stored[member] < limit]
        self._do_hdel(name, *old)

    def _do_expire(self, name: Name, kind: str, ttl: int) -> None:
        self._live(name)
        self._expire_in(name, ttl)
