"""Units of work as arguments of the scripts: see units.lua."""

from __future__ import annotations

import secrets
import struct
import time
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Any

from pipeline.brokers.redis.layout import Layout
from pipeline.delivery import Delivery, Post
from pipeline.store import Check, Store, Write

__all__ = ["NAME", "Units", "fields", "member", "parts_of"]

_length = struct.Struct(">I").pack
_size = struct.Struct(">I").unpack_from
#: How many bytes at the beginning of a delayed message tell it from others.
NAME = 32

#: write -> its code, and the type of its key.
_WRITES = {
    "set": ("S", "v"),
    "delete": ("D", "v"),
    "incr": ("I", "n"),
    "hset": ("H", "h"),
    "hdel": ("d", "h"),
    "hincr": ("h", "h"),
    "hclear": ("D", "h"),
    "sadd": ("A", "s"),
    "srem": ("R", "s"),
    "zadd": ("Z", "z"),
    "zrem": ("z", "z"),
    "ztrim": ("T", "z"),
}


def fields(post: Post) -> tuple[bytes, ...]:
    """The fields and values of a message's entry, or of a dead letter's."""
    name = b"payload" if post.queue[0] == "!" else b"m"
    return (name, post.payload, *post.headers)


def member(post: Post) -> bytes:
    """A delayed message as a member of a sorted set; see move.lua."""
    if post.unique:
        unique = blake2b(post.unique.encode(), digest_size=16).hexdigest()
    else:
        unique = secrets.token_hex(16)
    values = fields(post)
    if b"t" not in post.headers[::2]:
        values += (b"t", b"%d" % (time.time() * 1000))
    parts = [part for value in values for part in (_length(len(value)), value)]
    return unique.encode() + b"".join(parts)


def parts_of(member: bytes) -> list[bytes]:
    """The fields and values of a delayed message as :func:`member` makes it; none if it is none."""
    parts, at = [], NAME
    while at + 4 <= len(member):
        end = at + 4 + _size(member, at)[0]
        if end > len(member):
            return []
        parts.append(member[at + 4 : end])
        at = end
    return parts if at == len(member) and len(parts) % 2 == 0 else []


def _is_plain(post: Post) -> bool:
    """It is put on a stream that may be made for it."""
    return not post.delay and ("@" not in post.queue or post.queue[0] == "!")


class Units:
    """Collects units of work for one script call.

    :param layout: the partition's keys.
    :param keys: the keys that come before those of the units.
    :param is_short: the script knows the short form of settle.lua.
    """

    def __init__(self, layout: Layout, keys: Iterable[bytes], is_short: bool = False) -> None:
        self._layout = layout
        self._is_short = is_short
        self.keys: list[bytes] = list(keys)
        self._index = {key: n for n, key in enumerate(self.keys, 1)}
        self._streams: dict[str, int] = {}
        self._keys: dict[tuple[str, str], int] = {}
        self.args: list[bytes | str | int] = []

    def _at(self, key: bytes) -> int:
        index = self._index.get(key)
        if index is None:
            self.keys.append(key)
            self._index[key] = index = len(self.keys)
        return index

    def _at_queue(self, queue: str) -> int:
        index = self._streams.get(queue)
        if index is None:
            index = self._streams[queue] = self._at(self._layout.stream(queue))
        return index

    def add_delivery(self, delivery: Delivery, released: bytes | None = None) -> None:
        """Add what a delivery read, published and wrote, behind its entry id.

        :param released: the stream that tells others of the room that it leaves.
        """
        args = self.args
        args.append(delivery.id)
        posts = delivery.posts
        noted = delivery.wait is not None
        besides = noted + (released is not None)
        if not delivery.has_state:
            if self._is_short and len(posts) == 1 and not noted and _is_plain(posts[0]):
                values = fields(posts[0])
                args += ("p", self._at_queue(posts[0].queue), len(values), *values)
                return
            args += (0, len(posts) + besides)
        else:
            store = delivery.store
            if self._is_short and not posts and not besides and self._add_move(store):
                return
            self._add_checks(store.checks)
            args.append(len(posts) + len(store.writes) + besides)
            self._add_writes(store.writes)
        if noted:
            args += ("d", self._at(self._layout.notes(delivery.queue)), 1, delivery.id)
        for post in posts:
            self._add_post(post)
        if released is not None:
            args += ("W", self._at(released), 0)

    def add(self, checks: list[Check], writes: list[Write], posts: Sequence[Post] = ()) -> None:
        """Add a unit that belongs to no delivery."""
        self._add_checks(checks)
        self.args.append(len(writes) + len(posts))
        self._add_writes(writes)
        for post in posts:
            self._add_post(post)

    def add_writes(self, writes: Sequence[Write]) -> None:
        """Add writes alone, behind the number of their arguments."""
        args = self.args
        at = len(args)
        args.append(0)
        if writes:
            args.append(len(writes))
            self._add_writes(writes)
            args[at] = len(args) - at - 1

    def add_state(self, writes: Sequence[Write]) -> None:
        """Add two writes: a value that is set, and a member that is put into a sorted set."""
        put, into = writes
        self.args += (self._at(self._layout.store("v", put[1])), put[3], put[2])
        self.args += (self._at_key("z", into[1]), *into[2:])

    def _add_move(self, store: Store) -> bool:
        """Add the short form of what the end of a task's call is, if this is so.

        A name moves from one sorted set to another and a value is set, unless a field is there: 12
        arguments instead of 23, which is half of what such an end costs here and there.
        """
        if len(store.writes) != 3 or len(checks := store.checks) != 1:
            return False
        (op, held, field, expected), (put, out, into) = checks[0], store.writes
        if op != "hget" or expected is not None or put[0] != "set":
            return False
        if out[0] != "zrem" or into[0] != "zadd" or out[2:] != into[4:]:
            return False
        self.args += ("m", self._at_key("h", held), *field)
        self.args += (self._at(self._layout.store("v", put[1])), put[3], put[2])
        self.args += (self._at_key("z", out[1]), self._at_key("z", into[1]), *into[2:])
        return True

    def _at_key(self, kind: str, key: str) -> int:
        """Where a key of the store is that others in the batch may have, too."""
        index = self._keys.get((kind, key))
        if index is None:
            index = self._keys[kind, key] = self._at(self._layout.store(kind, key))
        return index

    def _add_post(self, post: Post) -> None:
        if post.delay:
            at = self._at(self._layout.delayed(post.queue))
            self.args += ("L", at, 2, post.delay, member(post))
            return
        values = fields(post)
        at = self._at_queue(post.queue)
        if "@" in post.queue and post.queue[0] != "!":
            dead = self._at(self._layout.dead(post.queue))
            self.args += ("G", at, 2 + len(values), dead, post.queue, *values)
            return
        self.args += ("P", at, len(values), *values)

    def _add_checks(self, checks: list[Check]) -> None:
        self.args.append(len(checks))
        for op, key, given, expected in checks:
            code, kind, values = _check(op, given, expected)
            at = self._at(self._layout.store(kind, key))
            self.args += (code, at, len(values), *values)

    def _add_writes(self, writes: Sequence[Write]) -> None:
        for op, key, *given in writes:
            code, kind = _WRITES.get(op, (op, "v"))
            if op == "set":
                given.reverse()
            elif op == "expire":
                code, kind = "E", given.pop(0)
            self.args += (code, self._at(self._layout.store(kind, key)), len(given), *given)


def _check(op: str, given: tuple[Any, ...], expected: Any) -> tuple[str, str, tuple[Any, ...]]:
    if op == "get":
        return "g", "v", ("0",) if expected is None else ("1", expected)
    if op == "count":
        return "n", "n", (expected,)
    if op == "hget":
        return "f", "h", (*given, "0") if expected is None else (*given, "1", expected)
    if op == "hgetall":
        return "a", "h", tuple(part for pair in expected.items() for part in pair)
    if op == "sismember":
        return "s", "s", (*given, int(expected))
    return "z", "z", (*given, "0") if expected is None else (*given, "1", repr(expected))
