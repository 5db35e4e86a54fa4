"""Units of work for code that may run with a delivery in hand, or with none.

This is the one place that decides how state is written at the edge; middleware and what else keeps
state goes through it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias, TypeVar

from twisted.internet.task import deferLater

from pipeline.delivery import Delivery, current, delivery_of
from pipeline.errors import BrokerUnavailable, Conflict, ServerRefused
from pipeline.state.partition import partition_for, partition_of
from pipeline.store import Store

__all__ = ["CONFLICTS", "LONGEST", "State", "Work", "alone"]

T = TypeVar("T")
#: Work on a store: reads it, stages writes, returns something.
Work: TypeAlias = Callable[[Store], Awaitable[T]]

#: How often a unit of its own may find that what it read has changed; then it fails.
CONFLICTS = 20

#: Seconds for which a unit of its own is tried again while the server is away; then it fails.
LONGEST = 30.0

#: Seconds between two of these tries, at first and at most.
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 2.0


class State:
    """The store, as code sees it that doesn't know whether a delivery is in hand.

    With a delivery in hand work is done on that one's store: what it stages happens when, and only
    if, the message is settled. With none, as where a transport publishes, it is a unit of work of
    its own in the partition that the message goes to, and is committed before the message is
    published. So the message never comes without its state; the state may be there without the
    message, if that can't be published then.

    Work that is committed by itself runs again when what it read has changed, and when it isn't
    known whether it was committed. So it must come to the same when it has been done before: it
    names what it writes by the id of the message, and uses no ``incr``. It leaves the message as
    it is; who asked for the work changes that afterwards.

    :param worker: gives the broker and the ordering key.
    """

    def __init__(self, worker: Any) -> None:
        self._worker = worker
        self._broker = worker.broker

    def for_message(self, kind: str, message: Any, work: Work[T]) -> Awaitable[T]:
        """Do work for a message that passes.

        :param kind: as ``inbound``.
        :param work: given a :class:`~pipeline.store.Store`; reads it and stages writes.
        :return: what the work returned.
        :raise Conflict: others changed the same again and again.
        :raise BrokerError: the server was away for too long, or refuses the writes.
        """
        delivery = delivery_of(message)
        if delivery is not None:
            return self._in(delivery, work)
        return alone(self._broker, partition_for(self._worker, kind, message), work)

    def for_key(self, key: Any, work: Work[T], delivery: Delivery | None = None) -> Awaitable[T]:
        """Do work for an ordering key, as a user's address; see :meth:`for_message`.

        :param delivery: the delivery in hand; None: the one whose handler runs, if any.
        """
        held = delivery or current.get()
        if held is not None:
            return self._in(held, work)
        return alone(self._broker, partition_of(key, self._broker.partitions), work)

    def _in(self, delivery: Delivery, work: Work[T]) -> Awaitable[T]:
        # What goes on after the message was settled can't commit with it any more.
        if delivery.settled:
            return alone(self._broker, delivery.partition, work)
        return work(delivery.store)


async def alone(broker: Any, partition: int, work: Work[T]) -> T:
    """Do work in a unit of its own, and commit it; see :class:`State`."""
    clock = broker.clock
    store = Store(broker.reader(partition))
    conflicts, pause = 0, FIRST_PAUSE
    deadline = clock.seconds() + LONGEST
    while True:
        result = await work(store)
        if not store.writes:
            return result
        try:
            await store.commit()
        except Conflict:
            conflicts += 1
            if conflicts == CONFLICTS:
                raise Conflict(f"others changed the same {CONFLICTS} times meanwhile") from None
        except (BrokerUnavailable, ServerRefused) as error:
            if _is_final(error) or clock.seconds() + pause > deadline:
                raise
            store.forget()
            await deferLater(clock, pause)
            pause = min(LONGEST_PAUSE, 2 * pause)
        else:
            return result


def _is_final(error: BrokerUnavailable | ServerRefused) -> bool:
    return isinstance(error, ServerRefused) and not error.is_passing
