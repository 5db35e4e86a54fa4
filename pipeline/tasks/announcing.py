"""Tells everybody which tasks this worker has, again and again."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from pipeline.errors import PipelineError
from pipeline.signals import connection_made
from pipeline.tasks.names import ANNOUNCED_EVERY, key_of

__all__ = ["Announcements"]

#: Seconds that the store may take.
PATIENCE = 5.0


class Announcements:
    """Writes names of tasks to the store: now, every 30 seconds, and when the server is back.

    That the store can't be written is logged, and tried again the next time.

    :param connector: the connector that is served.
    :param names: of the tasks.
    :param store: gives a :class:`pipeline.store.Store` of partition 0.
    :param clock: the reactor.
    """

    log = Logger()

    def __init__(
        self, connector: str, names: Iterable[str], store: Callable[[], Any], clock: Any
    ) -> None:
        self._key = key_of(connector)
        self._names = list(names)
        self._store = store
        self._clock = clock
        self._loop = LoopingCall(self._announce)
        self._loop.clock = clock

    async def start(self) -> None:
        """Announce, and go on doing so."""
        # A server that was away may have come back with nothing.
        connection_made.connect(self._connected)
        await self.announce()
        self._go_on()

    def stop(self) -> None:
        """Announce no more."""
        connection_made.disconnect(self._connected)
        if self._loop.running:
            self._loop.stop()

    async def announce(self) -> None:
        """Write the names once."""
        store = self._store()
        now = self._clock.seconds()
        store.hset(self._key, dict.fromkeys(self._names, now))
        try:
            await Deferred.fromCoroutine(store.commit()).addTimeout(PATIENCE, self._clock)
        except (PipelineError, DeferredTimeout) as error:
            self.log.warn("the names of tasks could not be announced: {error!r}", error=error)

    def _connected(self, **_: Any) -> Deferred[None]:
        return self._announce()

    def _go_on(self) -> None:
        self._loop.start(ANNOUNCED_EVERY, now=False).addErrback(self._broken)

    def _broken(self, failure: Failure) -> None:
        # Names that are never announced again would one day be refused by transports.
        self.log.failure("announcing the names of tasks went wrong", failure)
        self._go_on()

    def _announce(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self.announce())
