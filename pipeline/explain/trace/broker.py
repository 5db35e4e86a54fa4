"""A broker in memory for a system that is only tried out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IReactorTime

from pipeline.brokers.memory import MemoryBroker, MemoryServer

__all__ = ["WatchedBroker"]

Stored = Callable[[list[Any]], None]


class _DistantServer(MemoryServer):
    """Hands out what has come when its caller is done, as a server behind a connection does."""

    def __init__(self, clock: IReactorTime) -> None:
        super().__init__(clock)
        self._is_called = False

    def refresh(self) -> None:
        """See :meth:`pipeline.brokers.memory.MemoryServer.refresh`."""
        if not self._is_called:
            self._is_called = True
            self._clock.callLater(0, self._refresh)

    def _refresh(self) -> None:
        self._is_called = False
        super().refresh()


class WatchedBroker(MemoryBroker):
    """A broker that tells what is written to the store without a message in hand.

    :param clock: a Clock.
    :param namespace: of the system.
    :param partitions: how many it has.
    :param stored: called with a list of writes, as of :data:`pipeline.store.WRITES`.
    """

    def __init__(
        self, clock: IReactorTime, namespace: str, partitions: int, stored: Stored
    ) -> None:
        super().__init__(
            clock, namespace=namespace, partitions=partitions, server=_DistantServer(clock)
        )
        self._stored = stored

    def reader(self, partition: int = 0) -> Any:
        """A reader that tells."""
        return _WatchedReader(super().reader(partition), self._stored)


class _WatchedReader:
    def __init__(self, reader: Any, stored: Stored) -> None:
        self._reader = reader
        self._stored = stored
        self.read = reader.read

    def commit(self, checks: Any, writes: Any, posts: Any = ()) -> Any:
        listed = list(writes)
        self._stored(listed)
        return self._reader.commit(checks, listed, posts)
