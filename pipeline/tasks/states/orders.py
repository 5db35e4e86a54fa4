"""What others want of calls: that they end, or to be told how they did.

Orders lie in a hash in the store, in the partition of the call: field ``c:<call>`` to cancel it,
``w:<call>:<instance>`` to tell an instance of its end, each with the time that it was given at.
Every worker reads the whole hash, which is nearly always empty, every 0.4 s.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from pipeline.store import Store
from pipeline.tasks.states.records import LIVE_FOR
from pipeline.ticks import TICK, until_tick

__all__ = ["Orders", "cancel_field", "orders_key", "watch_field"]

#: Seconds between two looks, and how many orders make them a second longer.
LOOK_EVERY, PER_SECOND = 2 * TICK, 5000


def orders_key(connector: str) -> str:
    """The hash with the orders about calls that were sent to a connector."""
    return f"task_orders:{connector}"


def cancel_field(call_id: str) -> str:
    """The field that says that a call is cancelled."""
    return f"c:{call_id}"


def watch_field(call_id: str, instance: str) -> str:
    """The field that says that an instance waits for the end of a call."""
    return f"w:{call_id}:{instance}"


class Orders:
    """Follows the orders about the calls of one connector.

    :param connector: the connector.
    :param broker: where they are.
    :param clock: the reactor.
    :param cancel: called with the id of a call, when it is new that it is cancelled.
    :param watch: called with a partition, a call and an instance, when it is new that this waits.
    :ivar cancelled: the calls that are cancelled.
    :ivar watched: the instances that wait, by call.
    """

    log = Logger("pipeline.tasks")

    def __init__(
        self,
        connector: str,
        broker: Any,
        clock: Any,
        cancel: Callable[[str], object],
        watch: Callable[[int, str, str], object],
    ) -> None:
        self.key = orders_key(connector)
        self.cancelled: frozenset[str] = frozenset()
        self.watched: dict[str, list[str]] = {}
        self._broker = broker
        self._clock = clock
        self._cancel = cancel
        self._watch = watch
        self._next: Any = None
        self._looking: Deferred[None] | None = None
        self._is_stopped = False

    async def start(self) -> None:
        """Know the orders that there are, and follow."""
        await self.look()
        self._later()

    def stop(self) -> None:
        """Follow no more."""
        self._is_stopped = True
        if self._next is not None:
            self._next.cancel()
            self._next = None
        if self._looking is not None:
            self._looking.cancel()

    async def look(self) -> None:
        """Read the orders once, and do what is new."""
        cancelled: set[str] = set()
        watched: dict[str, list[str]] = {}
        places: dict[str, int] = {}
        for partition in range(self._broker.partitions):
            store = Store(self._broker.reader(partition))
            for field, given in (await store.hgetall(self.key)).items():
                kind, _, rest = field.decode().partition(":")
                if float(given) < self._clock.seconds() - LIVE_FOR:
                    store.hdel(self.key, field.decode())
                elif kind == "c":
                    cancelled.add(rest)
                else:
                    call_id, _, instance = rest.partition(":")
                    watched.setdefault(call_id, []).append(instance)
                    places[call_id] = partition
            if store.writes:
                await store.commit()
        self._compare(cancelled, watched, places)

    def _compare(
        self, cancelled: set[str], watched: dict[str, list[str]], places: dict[str, int]
    ) -> None:
        before, before_watched = self.cancelled, self.watched
        self.cancelled, self.watched = frozenset(cancelled), watched
        for call_id in cancelled - before:
            self._cancel(call_id)
        for call_id, instances in watched.items():
            for instance in instances:
                if instance not in before_watched.get(call_id, ()):
                    self._watch(places[call_id], call_id, instance)

    def _later(self) -> None:
        if self._is_stopped:
            return
        known = len(self.cancelled) + len(self.watched)
        wait = until_tick(self._clock, LOOK_EVERY) + known / PER_SECOND
        self._next = self._clock.callLater(wait, self._look)

    def _look(self) -> None:
        self._next = None
        self._looking = Deferred.fromCoroutine(self.look())
        self._looking.addErrback(self._failed)
        self._looking.addCallback(self._looked)

    def _failed(self, failure: Failure) -> None:
        if not self._is_stopped:
            self.log.warn("orders about tasks could not be read: {error}", error=failure.value)

    def _looked(self, _: object) -> None:
        self._looking = None
        self._later()
