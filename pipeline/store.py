"""State that commits with a message: reads are remembered, writes are staged.

Two handlers that each read a value, change it and write it back would lose one of the changes. So
what a unit of work read is compared again, in one step with its writes, when it is committed; if it
has changed, nothing is written and the work runs again on fresh reads. Writes that commute
(``incr``, ``hincr``, ``sadd`` ..) need no read and never conflict.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from pipeline.errors import Conflict

__all__ = ["READS", "WRITES", "Store"]

Key = str
Value = bytes
Check = tuple[str, str, tuple[Any, ...], Any]
Write = tuple[Any, ...]
Members: TypeAlias = set[bytes]

#: read -> (the type of the key, what it answers).
READS = {
    "get": ("v", "bytes | None"),
    "count": ("n", "int"),
    "hget": ("h", "bytes | None"),
    "hgetall": ("h", "dict[bytes, bytes]"),
    "sismember": ("s", "bool"),
    "smembers": ("s", "set[bytes]"),
    "zscore": ("z", "float | None"),
    "zrange": ("z", "list[bytes], by score"),
    "zscored": ("z", "list[tuple[bytes, float]], by score"),
    "zcount": ("z", "int"),
    "zcard": ("z", "int"),
}

#: The reads that can be compared when a unit of work commits.
CHECKED = frozenset({"get", "count", "hget", "hgetall", "sismember", "zscore"})

#: write -> the type of the key. The arguments are in the method of the same name below.
WRITES = {
    "set": "v",
    "delete": "v",
    "incr": "n",
    "hset": "h",
    "hdel": "h",
    "hincr": "h",
    "hclear": "h",
    "sadd": "s",
    "srem": "s",
    "zadd": "z",
    "zrem": "z",
    "ztrim": "z",
    "expire": "",
}

#: How many arguments one write takes: a script can't unpack any number; even, for hset.
MOST = 2000


def _pieces(parts: list[bytes]) -> Iterator[list[bytes]]:
    return (parts[at : at + MOST] for at in range(0, len(parts), MOST))


def _ms(ttl: float | None) -> int:
    return 0 if ttl is None else max(1, round(ttl * 1000))


def _bytes(value: str | bytes | int | float) -> bytes:
    return value if type(value) is bytes else str(value).encode()


class Store:
    """A view of one partition's store for one unit of work.

    Keys are text. A key has one type (value, counter, hash, set, sorted set); one text may be used
    for each, as they are different keys in Redis. Values are bytes (text: UTF-8), times seconds.

    :param reader: an :class:`pipeline.interfaces.IReader`.
    """

    __slots__ = ("_overlay", "_reader", "_seen", "writes")

    def __init__(self, reader: Any) -> None:
        self._reader = reader
        self._seen: dict[tuple[str, str, tuple[Any, ...]], Any] = {}
        self._overlay: dict[tuple[str, str], dict[Any, Any]] = {}
        #: What was staged, in order.
        self.writes: list[Write] = []

    @property
    def checks(self) -> list[Check]:
        """What was read and must still be so."""
        return [
            (op, key, args, seen) for (op, key, args), seen in self._seen.items() if op in CHECKED
        ]

    async def commit(self, posts: Sequence[Any] = ()) -> None:
        """Apply what was staged, outside of a delivery.

        :param posts: each a :class:`pipeline.delivery.Post`, published in the same step.
        :raise Conflict: what was read has changed; nothing is written, nothing published.
        """
        writes = [*self.writes, *(write for post in posts for write in post.writes)]
        done = await self._reader.commit(self.checks, writes, posts)
        self.forget()
        if not done:
            raise Conflict

    def forget(self) -> None:
        """Forget what was read and staged."""
        self._seen.clear()
        self._overlay.clear()
        self.writes.clear()

    async def _read(self, op: str, key: str, *args: Any) -> Any:
        known = (op, key, args)
        if known in self._seen:
            return self._seen[known]
        value = await self._reader.read(op, key, *args)
        # Two reads at once must not disagree: what the first saw is what is compared.
        return self._seen.setdefault(known, value)

    # Values ------------------------------------------------------------------------------------

    async def get(self, key: str) -> bytes | None:
        """The value, or None."""
        staged = self._overlay.get(("v", key))
        if staged is not None:
            return staged[None]  # type: ignore[no-any-return]  # written by set and delete
        return await self._read("get", key)  # type: ignore[no-any-return]  # READS says bytes

    async def peek(self, key: str) -> bytes | None:
        """The value, or None. Not compared at the commit: for a look that decides nothing."""
        staged = self._overlay.get(("v", key))
        if staged is not None:
            return staged[None]  # type: ignore[no-any-return]  # written by set and delete
        return await self._reader.read("get", key)  # type: ignore[no-any-return]  # READS says so

    def expect(self, key: str, value: bytes | None) -> None:
        """Have a value compared at the commit, as if it had been read and had been this.

        :param value: None: it isn't there.
        """
        self._seen.setdefault(("get", key, ()), value)

    def expect_field(self, key: str, field: str, value: bytes | None) -> None:
        """:meth:`expect` for a field of a hash."""
        self._seen.setdefault(("hget", key, (field,)), value)

    def set(self, key: str, value: str | bytes, ttl: float | None = None) -> None:
        """Stage a value.

        :param ttl: seconds until it is forgotten; None: never.
        """
        raw = _bytes(value)
        self._overlay[("v", key)] = {None: raw}
        self.writes.append(("set", key, raw, _ms(ttl)))

    def delete(self, key: str) -> None:
        """Stage the removal of a value."""
        self._overlay[("v", key)] = {None: None}
        self.writes.append(("delete", key))

    # Counters ----------------------------------------------------------------------------------

    async def count(self, key: str) -> int:
        """A counter, 0 when it isn't there. A handler that reads it may have to run again."""
        staged: int = self._overlay.get(("n", key), {}).get(None, 0)
        return int(await self._read("count", key)) + staged

    def incr(self, key: str, by: int = 1, ttl: float | None = None) -> None:
        """Stage an addition to a counter; never conflicts.

        :param ttl: seconds from now until the counter is forgotten; None: as it was.
        """
        staged = self._overlay.setdefault(("n", key), {})
        staged[None] = staged.get(None, 0) + by
        self.writes.append(("incr", key, by, _ms(ttl)))

    # Hashes ------------------------------------------------------------------------------------

    async def hget(self, key: str, field: str) -> bytes | None:
        """A field of a hash, or None."""
        staged = self._overlay.get(("h", key), {})
        name = _bytes(field)
        if name in staged:
            value = staged[name]
            return await self._added(key, field, value) if type(value) is int else value
        if None in staged:
            return None
        return await self._read("hget", key, field)  # type: ignore[no-any-return]  # bytes

    async def _added(self, key: str, field: str, by: int) -> bytes:
        cleared = None in self._overlay[("h", key)]
        stored = None if cleared else await self._read("hget", key, field)
        return str(int(stored or 0) + by).encode()

    async def hgetall(self, key: str) -> dict[bytes, bytes]:
        """A whole hash; empty when it isn't there."""
        staged = self._overlay.get(("h", key), {})
        whole = {} if None in staged else dict(await self._read("hgetall", key))
        for name, value in staged.items():
            if name is None:
                continue
            if value is None:
                whole.pop(name, None)
            elif type(value) is int:
                whole[name] = str(int(whole.get(name, 0)) + value).encode()
            else:
                whole[name] = value
        return whole

    def hset(
        self, key: str, fields: Mapping[str, str | bytes | int | float], ttl: float | None = None
    ) -> None:
        """Stage fields of a hash.

        :param ttl: seconds from now until the whole hash is forgotten; None: as it was.
        """
        if not fields:
            return
        raw = {_bytes(name): _bytes(value) for name, value in fields.items()}
        self._overlay.setdefault(("h", key), {}).update(raw)
        flat = [part for pair in raw.items() for part in pair]
        self.writes += (("hset", key, _ms(ttl), *piece) for piece in _pieces(flat))

    def hdel(self, key: str, *fields: str) -> None:
        """Stage the removal of fields."""
        if not fields:
            return
        names = [_bytes(field) for field in fields]
        self._overlay.setdefault(("h", key), {}).update(dict.fromkeys(names))
        self.writes += (("hdel", key, *piece) for piece in _pieces(names))

    def hclear(self, key: str) -> None:
        """Stage the removal of a whole hash."""
        self._overlay[("h", key)] = {None: None}
        self.writes.append(("hclear", key))

    def hincr(self, key: str, field: str, by: int = 1) -> None:
        """Stage an addition to a field; never conflicts."""
        staged = self._overlay.setdefault(("h", key), {})
        name = _bytes(field)
        before = staged.get(name, 0)
        if type(before) is int:
            staged[name] = before + by
        else:
            staged[name] = str(int(before or 0) + by).encode()
        self.writes.append(("hincr", key, name, by))

    # Sets --------------------------------------------------------------------------------------

    async def sismember(self, key: str, member: str | bytes) -> bool:
        """Whether a set has this member."""
        staged = self._overlay.get(("s", key), {})
        name = _bytes(member)
        if name in staged:
            return bool(staged[name])
        return bool(await self._read("sismember", key, member))

    async def smembers(self, key: str) -> Members:
        """A whole set. Not compared at the commit: decide nothing on it that must be exact."""
        members = set(await self._read("smembers", key))
        for name, there in self._overlay.get(("s", key), {}).items():
            (members.add if there else members.discard)(name)
        return members

    def sadd(self, key: str, *members: str | bytes, ttl: float | None = None) -> None:
        """Stage members of a set; never conflicts."""
        if not members:
            return
        names = [_bytes(member) for member in members]
        self._overlay.setdefault(("s", key), {}).update(dict.fromkeys(names, True))
        self.writes += (("sadd", key, _ms(ttl), *piece) for piece in _pieces(names))

    def srem(self, key: str, *members: str | bytes) -> None:
        """Stage the removal of members."""
        if not members:
            return
        names = [_bytes(member) for member in members]
        self._overlay.setdefault(("s", key), {}).update(dict.fromkeys(names, False))
        self.writes += (("srem", key, *piece) for piece in _pieces(names))

    # Sorted sets -------------------------------------------------------------------------------

    async def zscore(self, key: str, member: str | bytes) -> float | None:
        """The score of a member, or None."""
        staged = self._overlay.get(("z", key), {})
        name = _bytes(member)
        if name in staged:
            return staged[name]  # type: ignore[no-any-return]  # a float or None, from zadd, zrem
        return await self._read("zscore", key, member)  # type: ignore[no-any-return]  # float

    async def zrange(
        self, key: str, start: int = 0, stop: int = -1, newest_first: bool = False
    ) -> list[bytes]:
        """Members by score, as stored: without what is staged, not compared at the commit."""
        return list(await self._read("zrange", key, start, stop, newest_first))

    async def zscored(
        self, key: str, start: int = 0, stop: int = -1, newest_first: bool = False
    ) -> list[tuple[bytes, float]]:
        """Members with their scores, as :meth:`zrange` lists them."""
        return list(await self._read("zscored", key, start, stop, newest_first))

    async def zcount(self, key: str, low: float, high: float = math.inf) -> int:
        """How many members have a score from ``low`` to ``high``, both included; as stored."""
        return int(await self._read("zcount", key, float(low), float(high)))

    async def zcard(self, key: str) -> int:
        """How many members, as stored: without what is staged, not compared at the commit."""
        return int(await self._read("zcard", key))

    def zadd(self, key: str, member: str | bytes, score: float, ttl: float | None = None) -> None:
        """Stage a member with its score."""
        name = _bytes(member)
        self._overlay.setdefault(("z", key), {})[name] = float(score)
        self.writes.append(("zadd", key, _ms(ttl), repr(float(score)).encode(), name))

    def zrem(self, key: str, *members: str | bytes) -> None:
        """Stage the removal of members."""
        if not members:
            return
        names = [_bytes(member) for member in members]
        self._overlay.setdefault(("z", key), {}).update(dict.fromkeys(names))
        self.writes += (("zrem", key, *piece) for piece in _pieces(names))

    def ztrim(self, key: str, below: float, most: int = 100) -> None:
        """Stage the removal of those whose score is lower; never conflicts.

        Reads of this unit of work don't see it.

        :param most: remove at most so many, those with the lowest scores first; up to
            :data:`MOST`.
        """
        score = repr(float(below)).encode()
        self.writes.append(("ztrim", key, score, min(most, MOST)))

    # All ---------------------------------------------------------------------------------------

    def expire(self, kind: str, key: str, ttl: float) -> None:
        """Stage a time to live.

        :param kind: the key's type, as in READS; ``ttl`` is in seconds from now.
        """
        self.writes.append(("expire", key, kind, _ms(ttl)))
