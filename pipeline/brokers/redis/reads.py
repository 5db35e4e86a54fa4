"""The store's reads and commits as commands, and what their replies mean."""

from __future__ import annotations

from typing import Any

from pipeline.brokers.redis.layout import Layout
from pipeline.brokers.redis.script import Script
from pipeline.errors import PipelineError, ServerRefused
from pipeline.store import READS

__all__ = ["COMMIT", "command_of", "is_committed", "value_in"]

COMMIT = Script.load("gone.lua", "writes.lua", "units.lua", "commit.lua")
_COMMANDS = {
    "get": "GET",
    "count": "GET",
    "hget": "HGET",
    "hgetall": "HGETALL",
    "sismember": "SISMEMBER",
    "smembers": "SMEMBERS",
    "zscore": "ZSCORE",
    "zcard": "ZCARD",
}


def command_of(layout: Layout, op: str, key: str, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """The command that a read of the store is.

    :param op: as of :data:`pipeline.store.READS`.
    """
    name = layout.store(READS[op][0], key)
    if op in ("zrange", "zscored"):
        return _listing(op, name, *args)
    if op == "zcount":
        return ("ZCOUNT", name, *map(repr, args))
    return (_COMMANDS[op], name, *args)


def value_in(op: str, reply: Any) -> Any:
    """What a read answers, from the server's reply."""
    if op == "count":
        return int(reply or 0)
    if op == "hgetall":
        return dict(zip(reply[::2], reply[1::2], strict=True))
    if op == "sismember":
        return bool(reply)
    if op == "smembers":
        return set(reply)
    if op == "zscored":
        return list(zip(reply[::2], map(float, reply[1::2]), strict=True))
    if op == "zscore":
        return None if reply is None else float(reply)
    return reply


def is_committed(reply: bytes) -> bool:
    """What commit.lua's reply says: done, or that what was read has changed.

    :raise ServerRefused: a write can't be done.
    :raise PipelineError: it failed half-way.
    """
    if reply in (b"1", b"C"):
        return reply == b"1"
    text = reply.decode("utf-8", "replace")
    if text.startswith("E:"):
        raise ServerRefused(text[2:])
    raise PipelineError(f"a commit failed half-way: {text[2:]}")


def _listing(op: str, name: bytes, start: int, stop: int, newest_first: bool) -> tuple[Any, ...]:
    command = ("ZREVRANGE" if newest_first else "ZRANGE", name, start, stop)
    return command if op == "zrange" else (*command, "WITHSCORES")
