"""What the tests of a broker stand on: the hooks to fill in, and shorthand."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from pipeline.delivery import Delivery, Post, Settled
from pipeline.store import Store

if TYPE_CHECKING:
    from twisted.trial.unittest import TestCase
else:
    TestCase = object

__all__ = ["OTHER", "QUEUE", "Bench"]

#: The queue that most tests read, and one that they publish to.
QUEUE, OTHER = "work.inbound", "other.outbound"


class Bench(TestCase):
    """The hooks that a broker's own test case fills in, and what its tests are written with.

    :cvar DEAD_AFTER: seconds without a beat after which the brokers that ``make_broker`` makes
        call another dead.
    :cvar PATIENCE: real seconds after which something that should come has not come.
    :cvar MOMENT: seconds, for :meth:`wait`, in which something that should not come would have.
    """

    timeout = 60.0
    DEAD_AFTER = 15.0
    PATIENCE = 10.0
    MOMENT = 0.05

    # To fill in --------------------------------------------------------------------------------

    async def make_broker(self, **options: Any) -> Any:
        """Make one more process of this test's own namespace: a started broker.

        It is stopped when the test ends.

        :param options: keyword arguments of the broker, as ``partitions=2``.
        """
        raise NotImplementedError

    async def elapse(self, seconds: float) -> None:
        """Make the time that delays and de-duplication go by pass, without waiting for it."""
        raise NotImplementedError

    async def kill(self, broker: Any) -> None:
        """Let a broker hang: it stops to beat and to read, and hands nothing back.

        It may still settle what it has in hand, as a process does that was frozen for long.
        """
        raise NotImplementedError

    async def flush(self) -> None:
        """Lose all that the server holds of this test's namespace."""
        raise NotImplementedError

    async def wait(self, seconds: float) -> None:
        """Let the time pass that beats and times to live go by: here, really wait."""
        from twisted.internet import reactor

        clock: Any = reactor
        await deferLater(clock, seconds)

    async def limit_memory(self) -> bool:
        """Let the server refuse what needs more memory, until the test ends.

        :return: False when there is no such limit; what it would prove is skipped.
        """
        return False

    # Shorthand ---------------------------------------------------------------------------------

    async def soon(self, waiting: Deferred[Any]) -> Any:
        """What a Deferred brings; fails when it brings nothing for :attr:`PATIENCE` seconds."""
        from twisted.internet import reactor

        clock: Any = reactor
        return await waiting.addTimeout(self.PATIENCE, clock)

    async def eventually(self, ask: Callable[[], Awaitable[Any]]) -> Any:
        """The first true answer; fails when there is none after many a moment."""
        for _ in range(100):
            answer = await ask()
            if answer:
                return answer
            await self.wait(self.MOMENT)
        raise self.failureException("it did not happen")

    async def open(self, broker: Any, queue: str = QUEUE, **options: Any) -> Any:
        """Make a consumer that is ready to read, and is closed when the test ends."""
        consumer = broker.consumer(queue, **options)
        await consumer.open()
        self.addCleanup(lambda: Deferred.fromCoroutine(self._close(broker, consumer)))
        return consumer

    async def _close(self, broker: Any, consumer: Any) -> None:
        if not broker.available or broker in self._killed():
            return
        await consumer.interrupt()
        await consumer.hand_back(list(consumer.in_hand.values()))
        await consumer.close()

    def _killed(self) -> list[Any]:
        killed: list[Any] = self.__dict__.setdefault("_killed_brokers", [])
        return killed

    async def silence(self, broker: Any) -> None:
        """A broker begins to hang."""
        self._killed().append(broker)
        await self.kill(broker)

    async def lose(self, broker: Any) -> None:
        """A broker hangs for so long that the others call it dead."""
        await self.silence(broker)
        await self.wait(1.5 * self.DEAD_AFTER)

    async def fill(self, broker: Any, *payloads: bytes, queue: str = QUEUE) -> None:
        """Publish messages with nothing but a payload."""
        await self.soon(broker.publish([Post(queue, payload) for payload in payloads]))

    async def take(self, consumer: Any, count: int = 1) -> list[Delivery]:
        """Take until there are ``count`` deliveries."""
        taken: list[Delivery] = []
        while len(taken) < count:
            taken += await self.soon(consumer.take(count - len(taken)))
        return taken

    async def take_one(self, consumer: Any) -> Delivery:
        """Take a single delivery."""
        [delivery] = await self.take(consumer)
        return delivery

    async def hand_one(self, broker: Any, payload: bytes = b"job") -> tuple[Any, Delivery]:
        """A consumer with one message in hand, and that message."""
        await self.fill(broker, payload)
        consumer = await self.open(broker)
        return consumer, await self.take_one(consumer)

    async def payloads(self, broker: Any, count: int, queue: str = OTHER) -> list[bytes]:
        """What ``count`` messages of a queue carry, in their order; they are settled."""
        consumer = await self.open(broker, queue)
        taken = await self.take(consumer, count)
        await self.soon(consumer.settle(taken))
        return [delivery.payload for delivery in taken]

    async def settle(self, consumer: Any, *deliveries: Delivery) -> list[Settled]:
        """What becomes of deliveries."""
        results: list[Settled] = await self.soon(consumer.settle(deliveries))
        return results

    @asynccontextmanager
    async def unit(self, broker: Any) -> AsyncIterator[Store]:
        """A store outside of any delivery, as another process has it; committed at the end."""
        store = Store(broker.reader())
        yield store
        await store.commit()

    async def commit(self, broker: Any, change: Callable[[Store], None]) -> None:
        """Change the store outside of any delivery, as another process does."""
        async with self.unit(broker) as store:
            change(store)

    async def assert_quiet(self, consumer: Any) -> None:
        """Nothing can be taken now."""
        taking = consumer.take(100)
        await self.wait(self.MOMENT)
        await self.soon(consumer.interrupt())
        taken: Sequence[Delivery] = await self.soon(taking)
        self.assertEqual([], [delivery.payload for delivery in taken])

    async def assert_waiting(self, broker: Any, count: int, queue: str = OTHER) -> None:
        """So many messages wait in a queue."""
        depth = await self.soon(broker.depth(queue))
        self.assertEqual(count, depth.waiting)

    async def assert_fails(self, waiting: Deferred[Any], kind: type[Exception]) -> None:
        """A Deferred fails in this way."""
        try:
            await self.soon(waiting)
        except kind:
            return
        raise self.failureException(f"no {kind.__name__}")
