"""What goes over the queues of a test's place, seen and sent from outside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterable
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from zope.interface import implementer

from pipeline.connector import Connector
from pipeline.delivery import Delivery, Depth, Post
from pipeline.errors import RetryLater
from pipeline.interfaces import IReader
from pipeline.middleware.families import KINDS
from pipeline.observe.letters import Letter
from pipeline.signals import message_received, message_retried
from pipeline.store import Store
from pipeline.worker import Worker

__all__ = ["Found", "Traffic"]

T = TypeVar("T")


class Found(list[T]):
    """What was found when somebody looked. On a real server await it: only then it is there.

    :param known: what is known without looking.
    :param look: looks; gives all that is there.
    """

    def __init__(self, known: Iterable[T], look: Callable[[], Any]) -> None:
        super().__init__(known)
        self._look = look

    def __await__(self) -> Generator[Any, None, Found[T]]:
        self[:] = yield from self._look().__await__()
        return self


class _Seen:
    """The messages that were seen in one queue."""

    def __init__(self) -> None:
        self.messages: list[Any] = []
        self.ids: set[tuple[int, bytes]] = set()
        self.put_off: Counter[bytes] = Counter()
        self.consumers: list[Any] = []


@implementer(IReader)
class _FarReader:
    """The store, by a broker that is connected when it is needed."""

    def __init__(self, traffic: Traffic, partition: int) -> None:
        self._traffic = traffic
        self._partition = partition

    def read(self, op: str, key: str, *args: Any) -> Deferred[Any]:
        """See :meth:`pipeline.interfaces.IReader.read`."""
        return Deferred.fromCoroutine(self._asked("read", op, key, *args))

    def commit(self, checks: Any, writes: Any, posts: Any = ()) -> Deferred[Any]:
        """See :meth:`pipeline.interfaces.IReader.commit`."""
        return Deferred.fromCoroutine(self._asked("commit", checks, writes, posts))

    async def _asked(self, what: str, *args: Any) -> Any:
        broker = (await self._traffic.outside()).broker
        return await getattr(broker.reader(self._partition), what)(*args)


class Traffic:
    """Sends messages to the workers of a place, and sees those that they send.

    A queue that one of those workers reads is watched: a message is seen when it is read for the
    first time. Any other queue is read, and emptied, when somebody looks.

    :param place: the :class:`~pipeline.testing.places.Place`.
    """

    def __init__(self, place: Any) -> None:
        self._place = place
        self._queues: dict[str, _Seen] = {}
        self._outside: Worker | None = None
        self._doors: dict[str, Connector] = {}

    def open(self) -> None:
        """Watch what the workers read."""
        message_received.connect(self._received)
        message_retried.connect(self._retried)

    async def close(self) -> None:
        """Watch no longer, and let go of what was opened."""
        message_received.disconnect(self._received)
        message_retried.disconnect(self._retried)
        for door in self._doors.values():
            await door.stop(0)
        for seen in self._queues.values():
            while seen.consumers:
                await seen.consumers.pop().close()

    async def outside(self) -> Worker:
        """A worker that stands for the rest of the world: it has no middleware."""
        if self._outside is None:
            self._outside = Worker("outside", {}, await self._place.runtime())
        return self._outside

    # Sending -----------------------------------------------------------------------------------

    async def dispatch(self, name: str, kind: str, message: Any) -> Any:
        """Put a message on the queue of a connector, as its other side does."""
        outside = await self.outside()
        if name not in self._doors:
            self._doors[name] = outside.setup_connector(name, (), KINDS)
        await self._doors[name].publish(kind, message)
        await self._place.time.elapse(0)
        return message

    async def dispatch_raw(self, queue: str, message: Any, partition: int = 0) -> None:
        """Put a message, or any bytes, on a queue."""
        payload = message if isinstance(message, bytes) else self._place.codec.encode(message)
        broker = (await self.outside()).broker
        await broker.publish([Post(queue, payload)], partition=partition)
        await self._place.time.elapse(0)

    # Seeing ------------------------------------------------------------------------------------

    def dispatched(self, queue: str) -> Found[Any]:
        """The messages that have come to a queue, as they lay on the wire."""
        return self._found(lambda: self._come(queue), self._queue(queue).messages)

    async def awaited(self, queue: str, amount: int) -> list[Any]:
        """The same, when there are so many."""

        async def are_there() -> bool:
            return len(await self._come(queue)) >= amount

        await self._place.time.until(are_there, lambda: self.told(queue, amount))
        return list(self._queue(queue).messages)

    async def clear(self, queue: str) -> None:
        """Forget what has come to a queue."""
        await self._come(queue)
        self._queue(queue).messages.clear()

    async def clear_all(self) -> None:
        """Forget what has come to any queue that was looked at."""
        for queue in self._queues:
            await self.clear(queue)

    def told(self, queue: str, amount: int) -> str:
        """What is waited for, and what is there instead."""
        seen = self._queue(queue).messages
        errors = "".join(f"\n{each}" for each in self._place.mishaps.raised)
        return f"{amount} message(s) in {queue}, where there are {len(seen)}: {seen}{errors}"

    def dead(self, queue: str) -> Found[Letter]:
        """The dead letters of a queue, oldest first."""
        return self._found(lambda: self._dead(queue))

    async def depth(self, queue: str) -> Depth:
        """How much is in a queue now."""
        depth: Depth = await (await self.outside()).broker.depth(queue)
        return depth

    def store(self, partition: int = 0) -> Store:
        """A unit of work of its own on the store."""
        return Store(_FarReader(self, partition))

    def _found(self, look: Callable[[], Any], known: Iterable[Any] = ()) -> Found[Any]:
        if self._place.is_manual:
            known = self._place.soon(look()).now()
        return Found(known, look)

    def _queue(self, name: str) -> _Seen:
        return self._queues.setdefault(name, _Seen())

    async def _dead(self, queue: str) -> list[Letter]:
        broker = (await self.outside()).broker
        found = []
        for partition in range(broker.partitions):
            entries = await broker.dead(queue, partition)
            found += [Letter(entry, partition) for entry in entries]
        return found

    async def _come(self, queue: str) -> list[Any]:
        seen = self._queue(queue)
        if not self._is_read(queue):
            await self._drain(queue, seen)
        return list(seen.messages)

    def _is_read(self, queue: str) -> bool:
        connectors = [each for one in self._place.workers for each in one.connectors.values()]
        return any(queue in connector.reads for connector in connectors)

    async def _drain(self, queue: str, seen: _Seen) -> None:
        """Take all that waits."""
        broker = (await self.outside()).broker
        while (await broker.depth(queue)).waiting:
            for partition in range(broker.partitions):
                if len(seen.consumers) <= partition:
                    seen.consumers.append(broker.consumer(queue, partition))
                    await seen.consumers[-1].open()
                await self._take(seen.consumers[partition], seen)

    async def _take(self, consumer: Any, seen: _Seen) -> None:
        taking = consumer.take(1000)
        await self._place.time.moment()
        await consumer.interrupt()
        batch = await taking
        await consumer.settle(batch)
        for delivery in batch:
            self._see(seen, delivery)

    def _see(self, seen: _Seen, delivery: Delivery) -> None:
        seen.messages.append(self._place.codec.decode(delivery.payload))

    def _received(self, sender: Any, delivery: Delivery, **_: Any) -> None:
        if delivery.attempt > 1 or not self._place.owner_of(sender):
            return
        seen = self._queue(delivery.queue)
        place = (delivery.partition, delivery.id)
        is_new = place not in seen.ids  # else what it read had changed, or its worker died
        seen.ids.add(place)
        if seen.put_off[delivery.payload]:
            seen.put_off[delivery.payload] -= 1
        elif is_new:
            self._see(seen, delivery)

    def _retried(self, sender: Any, delivery: Delivery, outcome: Any, **_: Any) -> None:
        """What is put off comes again as the same attempt, under another id."""
        if isinstance(outcome.error, RetryLater) and self._place.owner_of(sender):
            self._queue(delivery.queue).put_off[delivery.payload] += 1
