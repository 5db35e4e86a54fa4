"""What becomes of messages from the edge when their queue is full: they wait, fail, or are shed.

Only of those. What a delivery has staged is settled with it, however full a queue is: if it had to
wait for room, two workers that write to each other could wait for ever.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import Any, Literal, NamedTuple

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from pipeline.delivery import Post
from pipeline.errors import QueueFull

__all__ = ["Pressure", "WhenFull"]

WhenFull = Literal["wait", "fail", "shed"]

#: Seconds between two tries for room, the shortest and the longest.
SHORTEST, LONGEST = 0.01, 0.2
#: The most messages, and bytes, that are put on a queue in one try.
MOST, MOST_BYTES = 500, 1_000_000
#: The most messages that wait for room in one queue; more are refused.
MOST_WAITING = 10_000
#: Seconds between two lines in the log about messages that were shed.
TOLD_EVERY = 1.0

_log = Logger("pipeline.connector")


class _Waiting(NamedTuple):
    """A message that waits for room.

    :param until: when it has waited for too long.
    """

    post: Post
    until: float
    stored: Deferred[None]


class _Gate:
    """Those who wait for room in one queue, first come, first served."""

    def __init__(self, broker: Any, clock: IReactorTime, partition: int, max_depth: int) -> None:
        self.waiting: deque[_Waiting] = deque()
        self._broker = broker
        self._clock = clock
        self._partition = partition
        self._max_depth = max_depth
        self._many = 1
        self._pause: Deferred[None] | None = None
        self._is_open = False

    def wait(self, post: Post, seconds: float) -> Deferred[None]:
        """Fires when it is stored."""
        waiting = _Waiting(post, self._clock.seconds() + seconds, Deferred())
        self.waiting.append(waiting)
        if not self._is_open:
            self._is_open = True
            Deferred.fromCoroutine(self._let_in()).addErrback(self._give_up)
        return waiting.stored

    def close(self) -> None:
        """Let nobody wait any longer."""
        self._end(len(self.waiting), QueueFull("there was no room before the end"))
        if self._pause is not None:
            self._pause.cancel()

    async def _let_in(self) -> None:
        pause = SHORTEST
        while self.waiting:
            count = self._next()
            if await self._stored(count):
                pause, self._many = SHORTEST, min(MOST, self._many * 2)
            elif self._many > 1:
                self._many = max(1, count // 2)
            else:
                await self._rest(pause)
                pause = min(LONGEST, pause * 2)
                self._end_late()
        self._is_open = False

    def _next(self) -> int:
        """How many to put on the queue together."""
        count = size = 0
        for waiting in self.waiting:
            size += len(waiting.post.payload)
            if count and (count == self._many or size > MOST_BYTES):
                break
            count += 1
        return count

    async def _stored(self, count: int) -> bool:
        """Whether there was room for the first of them."""
        first = [self.waiting[n] for n in range(count)]
        posts = [waiting.post for waiting in first]
        try:
            await self._broker.publish(posts, self._partition, self._max_depth)
        except QueueFull:
            return False
        except Exception as error:  # noqa: BLE001  # theirs who wait
            self._end(count, error)
            return True
        for waiting in first:
            if self.waiting and self.waiting[0] is waiting:
                self.waiting.popleft()
            if not waiting.stored.called:
                waiting.stored.callback(None)
        return True

    async def _rest(self, seconds: float) -> None:
        self._pause = deferLater(self._clock, seconds)
        try:
            await self._pause
        except CancelledError:
            return  # it is closed
        finally:
            self._pause = None

    def _end_late(self) -> None:
        now = self._clock.seconds()
        late = [waiting for waiting in self.waiting if waiting.until <= now]
        for waiting in late:
            self.waiting.remove(waiting)
            queue = waiting.post.queue
            waiting.stored.errback(QueueFull(f"there was no room in {queue} in time"))

    def _end(self, count: int, error: Exception) -> None:
        for _ in range(min(count, len(self.waiting))):
            stored = self.waiting.popleft().stored
            if not stored.called:
                stored.errback(error)

    def _give_up(self, failure: Failure) -> None:
        self._is_open = False
        self._end(len(self.waiting), QueueFull(f"waiting broke: {failure.getErrorMessage()}"))


class Pressure:
    """Publishes from the edge, where a queue may be full.

    :param name: the connector's name, for the log.
    :param broker: an :class:`~pipeline.interfaces.IBroker`.
    :param clock: an IReactorTime.
    :ivar shed: how many messages were thrown away.
    """

    def __init__(self, name: str, broker: Any, clock: IReactorTime) -> None:
        self.shed = 0
        self._name = name
        self._broker = broker
        self._clock = clock
        self._gates: dict[tuple[str, int, int], _Gate] = {}
        self._untold: Counter[str] = Counter()
        self._telling: Any = None
        self._is_closed = False

    async def publish(
        self, post: Post, partition: int, max_depth: int, when_full: WhenFull, seconds: float
    ) -> bool:
        """Publish a message.

        :param seconds: how long it may ``wait``.
        :return: False when it was shed.
        :raise QueueFull: there is no room, or there was none in time, or too many wait already.
        :raise BrokerUnavailable: the broker is stopping, or was never there.
        """
        gate = self._gates.get((post.queue, partition, max_depth))
        try:
            if when_full == "wait" and gate is not None and gate.waiting:
                raise QueueFull("others wait already")
            await self._broker.publish([post], partition=partition, max_depth=max_depth)
        except QueueFull:
            if when_full == "shed":
                self._throw_away(post.queue)
                return False
            if when_full != "wait" or self._is_closed:
                raise
            await self._room(post, partition, max_depth, seconds)
        return True

    def close(self) -> None:
        """Let nobody wait any longer: who does is told that the queue is full."""
        self._is_closed = True
        for gate in self._gates.values():
            gate.close()
        if self._telling is not None:
            self._telling.cancel()
            self._tell()

    def _room(self, post: Post, partition: int, max_depth: int, seconds: float) -> Deferred[None]:
        key = (post.queue, partition, max_depth)
        gate = self._gates.get(key)
        if gate is None:
            gate = self._gates[key] = _Gate(self._broker, self._clock, partition, max_depth)
        if len(gate.waiting) >= MOST_WAITING:
            raise QueueFull(f"{MOST_WAITING} messages wait for room in {post.queue} already")
        return gate.wait(post, seconds)

    def _throw_away(self, queue: str) -> None:
        self.shed += 1
        self._untold[queue] += 1
        if self._telling is None:
            self._telling = self._clock.callLater(TOLD_EVERY, self._tell)

    def _tell(self) -> None:
        self._telling = None
        for queue, count in self._untold.items():
            _log.warn(
                "{name}: {queue} is full, {count} messages for it were thrown away",
                name=self._name,
                queue=queue,
                count=count,
            )
        self._untold.clear()
