"""The store's reads, and commits outside of a delivery."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred
from zope.interface import implementer

from pipeline.brokers.redis.client import Client, Script
from pipeline.brokers.redis.layout import Layout
from pipeline.brokers.redis.patience import ask_patiently
from pipeline.brokers.redis.units import Units
from pipeline.delivery import Post
from pipeline.errors import PipelineError, ServerRefused
from pipeline.interfaces import IReader
from pipeline.store import READS, Check, Write

__all__ = ["RedisReader"]

_COMMIT = Script.load("gone.lua", "units.lua", "commit.lua")
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


@implementer(IReader)
class RedisReader:
    """Reads one partition's store.

    A read waits while the server is away, since it can be asked again; a commit does not, since
    only its caller knows whether it may happen twice.

    :param client: the connection.
    :param clock: for the pauses between tries.
    :param layout: the partition's keys.
    :param offset: tells the time offset in ms that tests set.
    """

    def __init__(self, client: Client, clock: Any, layout: Layout, offset: Any) -> None:
        self._client = client
        self._clock = clock
        self._layout = layout
        self._offset = offset

    def read(self, op: str, key: str, *args: Any) -> Deferred[Any]:
        """See :meth:`pipeline.interfaces.IReader.read`."""
        return Deferred.fromCoroutine(self._read(op, key, args))

    async def _read(self, op: str, key: str, args: tuple[Any, ...]) -> Any:
        name = self._layout.store(READS[op][0], key)
        if op in ("zrange", "zscored"):
            command = _listing(op, name, *args)
        elif op == "zcount":
            command = ("ZCOUNT", name, *map(repr, args))
        else:
            command = (_COMMANDS[op], name, *args)
        client = self._client
        reply, _ = await ask_patiently(
            client, self._clock, lambda: client.execute(*command), "a read of the store"
        )
        return _value(op, reply)

    def commit(
        self, checks: list[Check], writes: list[Write], posts: Sequence[Post] = ()
    ) -> Deferred[bool]:
        """See :meth:`pipeline.interfaces.IReader.commit`."""
        return Deferred.fromCoroutine(self._commit(checks, writes, posts))

    async def _commit(
        self, checks: list[Check], writes: list[Write], posts: Sequence[Post]
    ) -> bool:
        units = Units(self._layout, ())
        units.add(checks, writes, posts)
        reply: bytes = await self._client.run(_COMMIT, units.keys, [self._offset(), *units.args])
        if reply in (b"1", b"C"):
            return reply == b"1"
        text = reply.decode("utf-8", "replace")
        if text.startswith("E:"):
            raise ServerRefused(text[2:])
        raise PipelineError(f"a commit failed half-way: {text[2:]}")


def _listing(op: str, name: bytes, start: int, stop: int, newest_first: bool) -> tuple[Any, ...]:
    command = ("ZREVRANGE" if newest_first else "ZRANGE", name, start, stop)
    return command if op == "zrange" else (*command, "WITHSCORES")


def _value(op: str, reply: Any) -> Any:
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
