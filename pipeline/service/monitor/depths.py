"""How much lies in the queues that a process reads, asked for now and then."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from pipeline.connector.measured import plain_queue
from pipeline.delivery import Depth
from pipeline.errors import BrokerError
from pipeline.observe.exposition import Reading
from pipeline.service.running import System

__all__ = ["Depths"]


class Depths:
    """Asks the server, queue by queue, and remembers what it said last.

    :param system: the workers whose queues they are; those of single instances are left out.
    :param broker: gives the broker, once that has been started.
    :param every: seconds between two rounds; 0: it never asks.
    :param clock: the reactor.
    """

    log = Logger()

    def __init__(self, system: System, broker: Callable[[], Any], every: float, clock: Any) -> None:
        self._system = system
        self._broker = broker
        self._every = every
        self._clock = clock
        self._found: dict[str, Depth] = {}
        self._asking: LoopingCall | None = None

    def start(self) -> None:
        """Ask now, and again and again."""
        if not self._every:
            return
        self._asking = LoopingCall(self._round)
        self._asking.clock = self._clock
        self._asking.start(self._every).addErrback(self._gone_blind)

    def stop(self) -> None:
        """Ask no more."""
        if self._asking is not None and self._asking.running:
            self._asking.stop()

    def readings(self) -> Iterator[Reading]:
        """What was found in the last round; nothing when the server didn't answer."""
        for queue, depth in self._found.items():
            for state, count in depth._asdict().items():
                yield Reading("pipeline_queue_messages", (queue, state), count)

    def _round(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self._ask())

    async def _ask(self) -> None:
        found: dict[str, Depth] = {}
        try:
            for queue in [] if self._system.unready else self._queues():
                found[queue] = await self._broker().depth(queue)
        except BrokerError as error:
            self.log.debug("the queues can't be looked at: {why}", why=error)
            found = {}
        self._found = found

    def _queues(self) -> list[str]:
        """Those that are read here, once each."""
        connectors = [
            connector
            for worker in self._system.workers.values()
            for connector in worker.connectors.values()
        ]
        queues = dict.fromkeys(queue for connector in connectors for queue in connector.reads)
        return [queue for queue in queues if queue == plain_queue(queue)]

    def _gone_blind(self, failure: Failure) -> None:
        self.log.failure("the queues are no longer looked at", failure)
