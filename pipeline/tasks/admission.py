"""Whether a call that was taken may begin here and now."""

from __future__ import annotations

from typing import Any

from twisted.logger import Logger

from pipeline.delivery import Delivery
from pipeline.errors import BrokerError, Conflict
from pipeline.message import TaskMessage
from pipeline.outcome import DONE, Dropped, Outcome
from pipeline.store import Store
from pipeline.tasks.lanes import Lanes
from pipeline.tasks.registry import Task
from pipeline.tasks.unique import give_up

__all__ = ["EXPIRES", "Admission"]

#: Where a call says until when it may begin, in seconds since the epoch.
EXPIRES = "expires_at"


class Admission:
    """Looks at calls of tasks whose options say something about when they may begin.

    :param lanes: the queues with limits.
    :param broker: for what has to be true before the call begins.
    :param clock: for the time that calls may wait.
    """

    log = Logger("pipeline.tasks")

    def __init__(self, lanes: Lanes, broker: Any, clock: Any) -> None:
        self._lanes = lanes
        self._broker = broker
        self._clock = clock

    async def refuse(
        self, task: Task[Any, Any], message: TaskMessage, delivery: Delivery
    ) -> Outcome | None:
        """What becomes of a call instead of being run; None: it is run."""
        if task.ttl is not None and self._is_late(task.ttl, message, delivery):
            return Dropped(f"expired: {task.name} had not begun after {task.ttl:g} s")
        if task.lane is not None and self._lanes.pass_on(task.lane, delivery):
            return DONE
        if task.unique is not None and task.unique.until == "queued":
            await self._begin(message, delivery.partition)
        return None

    def _is_late(self, ttl: float, message: TaskMessage, delivery: Delivery) -> bool:
        if delivery.attempt > 1 or delivery.deaths:
            return False  # it has begun in time
        until = message.extra.get(EXPIRES)
        if not isinstance(until, (int, float)):
            until = delivery.enqueued_at / 1000 + ttl
        return bool(self._clock.seconds() > until)

    async def _begin(self, message: TaskMessage, partition: int) -> None:
        """Let others like it be sent from now on."""
        store = Store(self._broker.reader(partition))
        try:
            await give_up(message, store)
            if store.writes:
                await store.commit()
        except (BrokerError, Conflict) as error:
            self.log.warn("{call!r} stays unique longer: {error}", call=message, error=error)
