"""Where the calls of a task wait: with all others, or in a queue with a limit or with priority."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from twisted.logger import Logger

from pipeline.connector.publishing import queue_of
from pipeline.delivery import Delivery, Limit, Post
from pipeline.errors import BrokerError, ConfigError

if TYPE_CHECKING:
    from pipeline.connector import Connector
    from pipeline.tasks.registry import Task

__all__ = ["HIGH", "Lane", "Lanes", "lane_of", "rate_of"]

#: Of the calls that begin while both kinds wait, so many are high for each low one.
HIGH = 4

_PRIORITIES = ("high", "low")

#: The most calls of a period: each is remembered for so long, on the server.
MOST = 100_000
#: The longest period, in seconds.
LONGEST = 366 * 86_400

_RATE = re.compile(r"([1-9]\d{0,9})/([1-9]\d{0,9})?([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class Lane(NamedTuple):
    """A queue beside the connector's own.

    :param name: what stands between the connector's name and the kind.
    :param limit: how much of it may be taken; None: any number.
    :param weight: so many of its calls begin for each that waits in the connector's own queue.
    """

    name: str
    limit: Limit | None
    weight: int

    def queue(self, connector: str) -> str:
        """As ``tasks.high.inbound``, or ``tasks.task.shop.crawl.inbound``."""
        return _queue(connector, self.name)


def lane_of(
    name: str, rate_limit: str | None, concurrency: int | None, priority: str
) -> Lane | None:
    """The lane of a task with these options; None: it has none of its own.

    :param name: the task's.
    :raise ConfigError: an option is wrong.
    """
    if priority not in _PRIORITIES:
        raise ConfigError(f"task {name}: priority must be 'high' or 'low', got {priority!r}")
    weight = HIGH if priority == "high" else 1
    if rate_limit is None and concurrency is None:
        return Lane("high", None, weight) if weight > 1 else None
    if "@" in name:
        # It would name the queue of an instance.
        raise ConfigError(f"task {name}: the name of a task with a limit can't have an '@'")
    return Lane(_own(name), _limit(name, rate_limit, concurrency), weight)


def rate_of(text: str) -> tuple[int, int]:
    """How many calls, and in how many milliseconds.

    :param text: as ``10/s``, ``100/m``, ``5/h``, ``1000/d`` or ``20/5s``.
    :raise ValueError: it is none of these.
    """
    found = _RATE.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise ValueError(f"a rate is written as '10/s', '100/m' or '20/5s', got {text!r}")
    count, seconds = int(found[1]), int(found[2] or 1) * _SECONDS[found[3]]
    if count > MOST or seconds > LONGEST:
        raise ValueError(f"{text!r} is beyond {MOST} calls, or beyond a year")
    return count, seconds * 1000


def _limit(name: str, rate_limit: str | None, concurrency: int | None) -> Limit:
    if concurrency is not None and (type(concurrency) is not int or concurrency < 1):
        raise ConfigError(f"task {name}: concurrency must be 1 or more, got {concurrency!r}")
    if rate_limit is None:
        return Limit(concurrency or 0)
    try:
        return Limit(concurrency or 0, *rate_of(rate_limit))
    except ValueError as error:
        raise ConfigError(f"task {name}: rate_limit: {error}") from None


def _own(task: str) -> str:
    return f"task.{task}"


def _queue(connector: str, lane: str) -> str:
    return queue_of(f"{connector}.{lane}", "inbound")


class Lanes:
    """The queues that a task application reads beside its connector's own.

    :param connector: the connector.
    :param broker: where they are.
    :param tasks: the tasks whose calls are run.
    """

    log = Logger("pipeline.tasks")

    def __init__(self, connector: Connector, broker: Any, tasks: Iterable[Task[Any, Any]]) -> None:
        self._connector = connector
        self._broker = broker
        self._tasks = list(tasks)
        lanes = (task.lane for task in self._tasks if task.lane is not None)
        self._lanes = {lane.queue(connector.name): lane for lane in lanes}

    async def open(self) -> None:
        """Have them read, as soon as the connector reads; also what an option once gone has left.

        :raise ConfigError: a limit can't be kept here.
        """
        for queue, lane in self._lanes.items():
            self._connector.consume_queue("inbound", queue, limit=lane.limit, weight=lane.weight)
        for queue in await self._left():
            self.log.info("{queue} still holds calls, of a time when it was used", queue=queue)
            self._connector.consume_queue("inbound", queue)

    def pass_on(self, lane: Lane, delivery: Delivery) -> bool:
        """Put a call that came by another queue on its own, where its limit is kept.

        :return: whether it did; it shall not be run then.
        """
        queue = lane.queue(self._connector.name)
        if lane.limit is None or delivery.queue == queue:
            return False
        delivery.stage(Post(queue, delivery.payload, _headers(delivery)))
        return True

    async def _left(self) -> list[str]:
        """Queues that hold calls and belong to an option that a task has no more."""
        names = ["high", *(_own(task.name) for task in self._tasks)]
        queues = [_queue(self._connector.name, name) for name in names]
        try:
            return [
                queue for queue in queues if queue not in self._lanes and await self._is_full(queue)
            ]
        except BrokerError as error:
            self.log.warn("can't look for calls that are left: {error}", error=error)
            return []

    async def _is_full(self, queue: str) -> bool:
        depth = await self._broker.depth(queue)
        return bool(depth.waiting or depth.in_hand or depth.delayed)


def _headers(delivery: Delivery) -> tuple[bytes, ...]:
    return (
        *(b"a", b"%d" % delivery.attempt, b"d", b"%d" % delivery.deaths),
        *(b"t", b"%d" % delivery.enqueued_at, b"h", delivery.history),
        *delivery.trace_headers,
    )
