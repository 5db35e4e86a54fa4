"""Knows which queues an operator has paused, and has this process's consumers follow."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from pipeline.brokers.redis.client import Client
from pipeline.brokers.redis.patience import ask_patiently
from pipeline.errors import BrokerUnavailable, ServerRefused
from pipeline.operating import Pause
from pipeline.ticks import TICK, until_tick

__all__ = ["Pauses", "pauses_in"]

#: Seconds between two looks. A consumer that waits, at the server or for the end, is woken at once.
EVERY = 2 * TICK


class Pauses:
    """Looks at the pauses of the namespace, for all consumers of this process alike.

    Who reads asks only whether its queue is in this. While the server can't be asked, what was
    known last holds.

    :param client: the connection for commands.
    :param clock: for the pauses between looks.
    :param key: where the server keeps them.
    :param consumers: gives the consumers of this process.
    """

    _log = Logger()

    def __init__(
        self, client: Client, clock: Any, key: bytes, consumers: Callable[[], Iterable[Any]]
    ) -> None:
        self._client = client
        self._clock = clock
        self._key = key
        self._consumers = consumers
        self._known: dict[str, Pause] = {}
        self._loop: Deferred[None] | None = None

    def __contains__(self, queue: str) -> bool:
        return queue in self._known

    def start(self) -> None:
        """Begin to look."""
        self._loop = Deferred.fromCoroutine(self._run())
        self._loop.addErrback(_ended)

    def stop(self) -> None:
        """Look no more."""
        if self._loop is not None:
            self._loop.cancel()

    async def learn(self) -> None:
        """Look now, however long the server is away; for who is about to read."""
        flat, _ = await ask_patiently(self._client, self._clock, self._ask, "asking for pauses")
        self._note(flat)

    def _ask(self) -> Deferred[Any]:
        return self._client.execute("HGETALL", self._key)

    async def _run(self) -> None:
        while True:
            await deferLater(self._clock, until_tick(self._clock, EVERY))
            try:
                self._note(await self._ask())
            except (BrokerUnavailable, ServerRefused) as error:
                self._log.debug("can't ask for pauses: {why}", why=str(error))

    def _note(self, flat: list[bytes]) -> None:
        before, self._known = self._known, {each.queue: each for each in pauses_in(flat)}
        if before.keys() == self._known.keys():
            return
        changed = before.keys() ^ self._known.keys()
        for consumer in list(self._consumers()):
            if consumer.queue in changed:
                Deferred.fromCoroutine(consumer.wakeable.wake()).addErrback(_ended)
        self._tell(before)

    def _tell(self, before: dict[str, Pause]) -> None:
        read = {consumer.queue for consumer in self._consumers()}
        for queue in sorted(read & (self._known.keys() - before.keys())):
            pause = self._known[queue]
            why = f": {pause.reason}" if pause.reason else ""
            self._log.warn("{queue} is paused by {by}{why}", queue=queue, by=pause.by, why=why)
        for queue in sorted(read & (before.keys() - self._known.keys())):
            self._log.info("{queue} is resumed", queue=queue)


def pauses_in(flat: list[bytes]) -> list[Pause]:
    """The pauses in a reply of HGETALL, sorted by their queues.

    What can't be read is a pause all the same: somebody wanted one.
    """
    found = []
    for name, raw in zip(flat[::2], flat[1::2], strict=True):
        try:
            since, by, reason = json.loads(raw)
            told = str(by), int(since), str(reason)
        except (ValueError, TypeError, OverflowError, RecursionError):
            told = "somebody", 0, ""
        found.append(Pause(name.decode("utf-8", "surrogateescape"), *told))
    return sorted(found)


def _ended(failure: Failure) -> None:
    failure.trap(CancelledError)
