"""The store's reads, and commits outside of a delivery."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred
from zope.interface import implementer

from pipeline.brokers.redis.client import Client
from pipeline.brokers.redis.layout import Layout
from pipeline.brokers.redis.patience import ask_patiently
from pipeline.brokers.redis.reads import COMMIT, command_of, is_committed, value_in
from pipeline.brokers.redis.units import Units
from pipeline.delivery import Post
from pipeline.interfaces import IReader
from pipeline.store import Check, Write

__all__ = ["RedisReader"]


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
        command = command_of(self._layout, op, key, args)
        client = self._client
        reply, _ = await ask_patiently(
            client, self._clock, lambda: client.execute(*command), "a read of the store"
        )
        return value_in(op, reply)

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
        reply = await self._client.run(COMMIT, units.keys, [self._offset(), *units.args])
        return is_committed(reply)
