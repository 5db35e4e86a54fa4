"""Calls to publish, and batches of them that go out together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred

from pipeline.brokers.redis.layout import Layout
from pipeline.brokers.redis.script import Script
from pipeline.brokers.redis.units import Units, fields, member
from pipeline.delivery import Post
from pipeline.errors import QueueFull, ServerRefused

__all__ = [
    "PLAIN",
    "PRODUCER_TTL",
    "PUBLISH",
    "RAISE",
    "Batch",
    "Call",
    "alone",
    "keys_of",
    "refused",
    "request",
]

PUBLISH = Script.load("gone.lua", "writes.lua", "publish.lua")
#: The same for what is nothing but messages, as most is.
PLAIN = Script.load("plain.lua")
# Only ever upwards: a copy of this that the network delivers late must not undo what came after.
RAISE = Script(
    "raise",
    "local last = tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or -1) "
    "if last < tonumber(ARGV[2]) then redis.call('HSET', KEYS[1], ARGV[1], ARGV[2]) end "
    "return redis.call('EXPIRE', KEYS[1], ARGV[3])",
)
#: Seconds after which the server forgets a producer that is silent.
PRODUCER_TTL = 86_400

#: A batch is capped, so that no script holds up the server for long.
MOST_POSTS, MOST_BYTES = 500, 1_000_000
#: What a write that goes with a message counts, in bytes.
WRITE = 250


class Call:
    """One call to publish.

    :param canceller: called with this when its Deferred is cancelled.
    """

    __slots__ = ("deferred", "is_plain", "max_depth", "posts", "size")

    def __init__(self, posts: Sequence[Post], max_depth: int, canceller: Any) -> None:
        self.posts = posts
        self.max_depth = max_depth
        self.size = 0
        #: Whether it is nothing but messages.
        self.is_plain = True
        for _, payload, headers, delay, _, window, writes in posts:
            self.size += len(payload)
            if headers or delay or window or writes:
                self.is_plain = False
                self.size += WRITE * len(writes)
        self.deferred: Deferred[None] = Deferred(lambda _: canceller(self))


class Batch:
    """Calls that are sent together, under consecutive numbers from ``first``.

    :ivar calls: those that are to be told.
    :ivar posts: what they publish.
    """

    __slots__ = ("calls", "count", "first", "is_plain", "max_depth", "posts", "size", "stored_at")

    def __init__(self, max_depth: int) -> None:
        self.calls: list[Call] = []
        self.posts: list[Post] = []
        self.is_plain = True
        self.max_depth = max_depth
        self.count = 0
        self.size = 0
        self.first = 0
        self.stored_at = 0.0

    def has_room_for(self, call: Call) -> bool:
        """Whether this call may go out with those that are in."""
        if not self.calls:
            return True
        return (
            call.max_depth == self.max_depth
            and self.count + len(call.posts) <= MOST_POSTS
            and self.size + call.size <= MOST_BYTES
        )

    def add(self, call: Call) -> None:
        """Let it go out with the others."""
        self.calls.append(call)
        self.posts += call.posts
        self.is_plain = self.is_plain and call.is_plain
        self.count += len(call.posts)
        self.size += call.size

    def add_to(self, units: Units) -> None:
        """Add the messages as publish.lua wants them."""
        args = units.args
        for post in self.posts:
            values = fields(post)
            is_short = values[0] == b"m" and not (post.headers or post.delay or post.window)
            if is_short and not post.writes:
                args += values
                continue
            if is_short:
                is_state = [write[0] for write in post.writes] == ["set", "zadd"]
                args += ("s" if is_state else "w", post.payload)
                (units.add_state if is_state else units.add_writes)(post.writes)
                continue
            delayed = member(post) if post.delay else b""
            seen = post.unique if post.window else ""
            args += (post.delay, seen, post.window, delayed, len(values), *values)
            units.add_writes(post.writes)


def alone(call: Call) -> Batch:
    """A batch of one call."""
    batch = Batch(call.max_depth)
    batch.add(call)
    return batch


def keys_of(layout: Layout, queue: str, producer: bytes) -> list[bytes]:
    """The keys that ``publish.lua`` begins with.

    :param producer: the key of the producer's numbers.
    """
    stream, delayed = layout.stream(queue), layout.delayed(queue)
    return [stream, delayed, layout.window(queue), producer, layout.dead(queue)]


def request(
    batch: Batch, layout: Layout, keys: Sequence[bytes], queue: str, offset: int = 0
) -> tuple[Script, list[bytes], list[bytes | str | int]]:
    """What stores a batch: a script, its keys and its arguments.

    :param keys: as of :func:`keys_of`.
    :param offset: the time offset in ms that tests set.
    :raise TypeError: something in it can't be sent.
    :raise ValueError: as well.
    """
    head = (queue, batch.first, batch.max_depth, PRODUCER_TTL)
    if batch.is_plain and "@" not in queue and queue[0] != "!":
        return PLAIN, [keys[0], keys[3]], [*head, *[post.payload for post in batch.posts]]
    units = Units(layout, keys)
    units.args += (*head, offset)
    batch.add_to(units)
    return PUBLISH, units.keys, units.args


def refused(queue: str, kind: bytes, what: Any) -> Exception:
    """What a publisher is told when the server has refused its messages.

    :param kind: the first part of the reply, ``what`` the second: a number, a text or an error.
    """
    if isinstance(what, Exception):
        return what
    if kind == b"FULL":
        return QueueFull(f"{queue} holds {int(what)} messages, no more are allowed")
    text = what.decode("utf-8", "replace")
    if kind == b"WRONGTYPE":
        return ServerRefused(f"{text} is of another type", "WRONGTYPE")
    return ServerRefused(text)
