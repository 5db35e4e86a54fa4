"""Which tasks the workers have, as they say in the store."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.logger import Logger

from pipeline.errors import BrokerError
from pipeline.tasks.names import ANNOUNCED_EVERY, FORGOTTEN_AFTER, key_of
from pipeline.transports.answers import HttpError, refusal

__all__ = ["KnownTasks"]

#: Seconds that what the store said is believed.
BELIEVED = 2.0

#: Seconds for which a name is believed that the store has lost: a server that came back empty gets
#: the names again only when workers announce them next.
REMEMBERED = 2 * ANNOUNCED_EVERY

#: Seconds that the store may take.
PATIENCE = 1.0

#: How many names an error lists, when none resembles the one that was asked for.
MOST_LISTED = 10


class KnownTasks:
    """Says whether any worker has a task.

    :param connector: the connector that the workers serve.
    :param store: gives a :class:`pipeline.store.Store` of partition 0.
    :param clock: the reactor.
    """

    log = Logger()

    def __init__(self, connector: str, store: Callable[[], Any], clock: Any) -> None:
        self._key = key_of(connector)
        self._store = store
        self._clock = clock
        self._names: frozenset[str] | None = None
        self._seen: dict[str, float] = {}
        self._read_at = float("-inf")
        self._reading: list[Deferred[None]] | None = None

    async def check(self, name: str) -> None:
        """Refuse a task that no worker has. Who can't be asked is trusted to have it.

        :raise HttpError: 404, with the nearest name.
        """
        if self._clock.seconds() - self._read_at >= BELIEVED:
            await self._refresh()
        if self._names is not None and name not in self._names:
            raise _unknown(name, self._names)

    async def _refresh(self) -> None:
        """Read the names; those who come meanwhile wait for the same answer."""
        if self._reading is not None:
            waiting: Deferred[None] = Deferred()
            self._reading.append(waiting)
            await waiting
            return
        self._reading = []
        try:
            self._names = await self._read()
            self._read_at = self._clock.seconds()
        finally:
            waiting_too, self._reading = self._reading, None
            for each in waiting_too:
                each.callback(None)

    async def _read(self) -> frozenset[str] | None:
        reading = Deferred.fromCoroutine(self._store().hgetall(self._key))
        try:
            seen = await reading.addTimeout(PATIENCE, self._clock)
        except (BrokerError, DeferredTimeout) as error:
            self.log.warn("can't read which tasks there are: {error!r}", error=error)
            return None
        return self._remembered(_announced(seen, self._clock.seconds() - FORGOTTEN_AFTER))

    def _remembered(self, announced: list[str]) -> frozenset[str]:
        now = self._clock.seconds()
        self._seen.update(dict.fromkeys(announced, now))
        self._seen = {n: at for n, at in self._seen.items() if now - at <= REMEMBERED}
        return frozenset(self._seen)


def _announced(seen: dict[bytes, bytes], oldest: float) -> list[str]:
    """The names that were announced since then; what can't be read is none."""
    names = []
    for name, at in seen.items():
        try:
            if float(at) >= oldest:
                names.append(name.decode())
        except ValueError:
            continue
    return names


def _unknown(name: str, names: frozenset[str]) -> HttpError:
    close = difflib.get_close_matches(name, names, n=1)
    details: dict[str, Any] = {"task": name}
    if close:
        details["did_you_mean"] = close[0]
    elif len(names) <= MOST_LISTED:
        details["tasks"] = sorted(names)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    return refusal(404, f"no worker has a task {name!r}{hint}", **details)
