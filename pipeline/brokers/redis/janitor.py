"""Throws dead letters away that have been kept for long enough, where that is configured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from pipeline.brokers.redis.client import Script
from pipeline.errors import BrokerUnavailable, ServerRefused

if TYPE_CHECKING:
    from pipeline.brokers.redis.broker import RedisBroker

__all__ = ["Janitor"]

_OUTLIVE = Script.load("outlive.lua")
#: How many letters one script throws away, and how many scripts one queue gets in a row, so that
#: nobody waits long for the server and no other queue waits long for its turn.
AT_ONCE, IN_A_ROW = 100, 100
#: Seconds between two looks, at the least and at the most.
SHORTEST, LONGEST = 0.2, 60.0


class Janitor:
    """Looks after the queues that this process reads; several processes do no harm.

    :param broker: whose queues they are.
    :param retention: seconds that a dead letter is kept; None for ever.
    """

    _log = Logger()

    def __init__(self, broker: RedisBroker, retention: float | None) -> None:
        self._broker = broker
        self._retention = retention
        self._loop: Deferred[None] | None = None

    def start(self) -> None:
        """Begin to look, if there is anything to be done ever."""
        if self._retention is not None:
            self._loop = Deferred.fromCoroutine(self._run(self._retention))
            self._loop.addErrback(_ended)

    def stop(self) -> None:
        """Look no more."""
        if self._loop is not None:
            self._loop.cancel()

    async def _run(self, retention: float) -> None:
        interval = min(LONGEST, max(SHORTEST, retention / 10))
        while True:
            await deferLater(self._broker.clock, interval)
            for key in self._keys():
                try:
                    await self._clear(key, retention)
                except (BrokerUnavailable, ServerRefused) as error:
                    self._log.debug("old dead letters stay for now: {why}", why=str(error))

    def _keys(self) -> set[bytes]:
        return {
            layout.dead(consumer.queue)
            for layout in self._broker.layouts
            for consumer in self._broker.consumers(layout)
        }

    async def _clear(self, key: bytes, retention: float) -> None:
        total = 0
        args = [round(retention * 1000), self._broker.time_offset_ms, AT_ONCE]
        for _ in range(IN_A_ROW):
            cleared = await self._broker.client.run(_OUTLIVE, [key], args)
            total += cleared
            if cleared < AT_ONCE:
                break
        if total:
            self._log.info(
                "{count} dead letters of {key} were kept for {retention:g} s and are thrown away",
                count=total,
                key=key.decode("utf-8", "replace"),
                retention=retention,
            )


def _ended(failure: Failure) -> None:
    failure.trap(CancelledError)
