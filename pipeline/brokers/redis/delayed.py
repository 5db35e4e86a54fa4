"""Moves delayed messages that are due to their queues."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from pipeline.brokers.redis.client import Client, Script
from pipeline.brokers.redis.layout import Layout
from pipeline.errors import BrokerUnavailable, ServerRefused
from pipeline.ticks import TICK, until_tick

__all__ = ["Mover"]

_MOVE = Script.load("members.lua", "move.lua")
#: How many of a queue are moved by one script.
AT_ONCE = 100
#: Seconds between looks, at the most: another process may have delayed a message for less than
#: this one sleeps.
LONGEST_SLEEP = TICK


class Mover:
    """Moves what is due in the queues that this process consumes, for all workers alike.

    :param client: the connection for commands.
    :param clock: for the sleep between looks.
    :param offset: tells the time offset in ms that tests set.
    """

    _log = Logger()

    def __init__(self, client: Client, clock: Any, offset: Any) -> None:
        self._client = client
        self._clock = clock
        self._offset = offset
        self._queues: dict[Layout, dict[str, int]] = {}
        self._loop: Deferred[None] | None = None
        self._trouble = ""

    def watch(self, layout: Layout, queue: str) -> None:
        """Move this queue's messages, too."""
        counts = self._queues.setdefault(layout, {})
        counts[queue] = counts.get(queue, 0) + 1

    def leave(self, layout: Layout, queue: str) -> None:
        """Move this queue's messages no more, once everybody who watched has left."""
        counts = self._queues[layout]
        counts[queue] -= 1
        if not counts[queue]:
            del counts[queue]

    def start(self) -> None:
        """Begin to look."""
        self._loop = Deferred.fromCoroutine(self._run())
        self._loop.addErrback(_ended)

    def stop(self) -> None:
        """Look no more."""
        if self._loop is not None:
            self._loop.cancel()

    async def _run(self) -> None:
        while True:
            sleep = LONGEST_SLEEP
            for layout, queues in list(self._queues.items()):
                if queues:
                    sleep = min(sleep, await self._look(layout, queues))
            await deferLater(self._clock, min(sleep, until_tick(self._clock, LONGEST_SLEEP)))

    async def _look(self, layout: Layout, queues: Iterable[str]) -> float:
        keys = [key for queue in queues for key in layout.moving(queue)]
        try:
            wait = await self._client.run(_MOVE, keys, [AT_ONCE, self._offset()])
        except BrokerUnavailable:
            return LONGEST_SLEEP
        except ServerRefused as error:
            self._tell(str(error))
            return LONGEST_SLEEP
        self._tell("")
        return _next_look(wait)

    def _tell(self, trouble: str) -> None:
        """Log only what is new: this is asked five times a second."""
        if trouble and trouble != self._trouble:
            self._log.warn("delayed messages can't be moved now: {why}", why=trouble)
        self._trouble = trouble


def _next_look(wait: int) -> float:
    """Seconds until something is due, given ms, or -1 for ever."""
    return LONGEST_SLEEP if wait < 0 else min(LONGEST_SLEEP, wait / 1000)


def _ended(failure: Failure) -> None:
    failure.trap(CancelledError)
