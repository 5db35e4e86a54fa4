"""Reading a queue: a stream, its one group, and a consumer that loses no reply."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.internet.defer import TimeoutError as TooLate
from twisted.internet.task import deferLater
from twisted.logger import Logger
from zope.interface import implementer

from pipeline.brokers.redis.client import Client
from pipeline.brokers.redis.entries import Entries, again
from pipeline.brokers.redis.layout import GROUP, TORN, Layout
from pipeline.brokers.redis.membership import Membership
from pipeline.brokers.redis.notes import Notes
from pipeline.brokers.redis.patience import ask_patiently
from pipeline.brokers.redis.settle import IN_HAND, Settler
from pipeline.brokers.redis.wakeable import Wakeable, expect_cancelled
from pipeline.delivery import Delivery, Settled
from pipeline.errors import BrokerUnavailable, ServerRefused
from pipeline.interfaces import IConsumer

if TYPE_CHECKING:
    from pipeline.brokers.redis.broker import RedisBroker

__all__ = ["RedisConsumer"]

#: Seconds that a read blocks at the server, and that the client waits beyond that. Together they
#: are how long a half-open connection stays unnoticed.
BLOCK, GRACE = 4.0, 5.0
#: Seconds between two looks whether a queue is still paused.
PAUSED_POLL = 0.5
#: Seconds that an interrupted take may go on, and that closing may take, when the server is away.
INTERRUPT_LIMIT, LEAVE_LIMIT = 1.5, 2.5
_log = Logger()


@implementer(IConsumer)
class RedisConsumer:
    """Takes the messages of one queue in one partition and settles them.

    :param broker: whose consumer it is.
    :param queue: the queue's name.
    :param partition: the partition's number.
    :param instance: the queue belongs to this process alone.
    """

    def __init__(self, broker: RedisBroker, queue: str, partition: int, instance: bool) -> None:
        self.queue = queue
        self.partition = partition
        self.in_hand: dict[bytes, Delivery] = {}
        self._broker = broker
        self._clock = broker.clock
        self._client: Client = broker.client
        self._layout: Layout = broker.layouts[partition]
        self._entries = Entries(queue, partition, broker.reader(partition))
        self._instance = instance
        self._offset = lambda: broker.time_offset_ms
        self._stream = self._layout.stream(queue)
        fence = self._fence()
        self._notes = Notes(broker.client, broker.clock, self._layout, queue, self._offset, fence)
        self.membership = Membership(
            *(broker.client, broker.clock, self._layout, queue, broker.worker_id),
            *(self._entries, self.in_hand, self._notes, broker.members),
        )
        self._settler = self._make_settler(GROUP, fence)
        self._reader = Client(
            broker.address,
            broker.clock,
            name=f"{broker.worker_id}:{queue}",
            reply_timeout=GRACE,
            on_up=self.membership.suspect,
        )
        self.wakeable = Wakeable(self._reader, broker.client, broker.clock)
        self._taking: Deferred[list[Delivery]] | None = None
        self._interrupted = False
        self._waiting_for_end: list[Deferred[None]] = []
        self._pause = 0.05
        self._answered_at = 0.0
        #: Why it can't be read, as logged last.
        self._told = ""

    def _fence(self) -> bytes:
        return self._layout.token(self.queue)

    def _make_settler(self, group: str, fence: bytes) -> Settler:
        about = (self._client, self._clock, self._layout, self.queue)
        return Settler(*about, self._offset, group, fence)

    @property
    def is_paused(self) -> bool:
        """See :class:`pipeline.interfaces.IConsumer`."""
        return self.queue in self._broker.pauses

    @property
    def token(self) -> bytes:
        """What tells this life of the queue from others."""
        return self.membership.token

    @property
    def waiting_since(self) -> float | None:
        """See :class:`pipeline.interfaces.IConsumer`: a read is answered every :data:`BLOCK` s."""
        return None if self._taking is None else self._answered_at

    # Opening and closing ----------------------------------------------------------------------

    def open(self) -> Deferred[None]:
        """See :meth:`pipeline.interfaces.IConsumer.open`."""
        return Deferred.fromCoroutine(self._open())

    async def _open(self) -> None:
        await self._join()
        await self._broker.pauses.learn()
        self._broker.opened(self)
        await self._reader.start()

    async def _join(self) -> None:
        if self._instance:
            command = ("HSET", self._layout.instances, self.queue, self._broker.worker_id)
            await ask_patiently(
                self._client,
                self._clock,
                lambda: self._client.execute(*command),
                f"opening {self.queue}",
            )
        await self.membership.join()

    def close(self) -> Deferred[None]:
        """See :meth:`pipeline.interfaces.IConsumer.close`.

        :raise RuntimeError: something is in hand.
        """
        return Deferred.fromCoroutine(self._close())

    async def _close(self) -> None:
        self._broker.closed(self)
        await self.interrupt()
        if self.in_hand:
            await self._reader.stop()
            raise RuntimeError(f"{len(self.in_hand)} messages of {self.queue} are in hand")
        leaving = Deferred.fromCoroutine(self._leave())
        try:
            await leaving.addTimeout(LEAVE_LIMIT, self._clock)
        except (BrokerUnavailable, ServerRefused, TooLate) as error:
            _log.warn("{queue} is left to others: {why}", queue=self.queue, why=str(error))
        await self.abandon()

    async def _leave(self) -> None:
        if not self._client.connected:
            raise BrokerUnavailable(self._client.problem or "no connection")
        await self._hand_back(await self.membership.leave())
        await self.membership.forget(self._broker.worker_id.encode())
        while self._instance and await self._broker.bury(
            self._layout, self.queue, self._broker.worker_id, b"*"
        ):
            pass

    async def abandon(self) -> None:
        """Read no more; what is in hand stays so until others call us dead."""
        await self.interrupt()
        await self._reader.stop()

    # Taking --------------------------------------------------------------------------------

    def take(self, count: int) -> Deferred[list[Delivery]]:
        """See :meth:`pipeline.interfaces.IConsumer.take`.

        :raise RuntimeError: a take is out already.
        """
        if self._taking is not None:
            return fail(RuntimeError(f"a take of {self.queue} is out already"))
        self._interrupted, self._answered_at = False, self._clock.seconds()
        taking: Deferred[list[Delivery]] = Deferred.fromCoroutine(self._take(count))
        taken: Deferred[list[Delivery]] = Deferred(lambda _: taking.cancel())
        self._taking = taking
        taking.addBoth(self._end, taken)
        return taken

    def _end(self, result: Any, taken: Deferred[list[Delivery]]) -> None:
        self._taking = None
        # Whoever is told of the result may take again, and interrupt that take, before we go on.
        waiting, self._waiting_for_end = self._waiting_for_end, []
        if not taken.called:
            taken.callback(result)
        for ended in waiting:
            ended.callback(None)

    async def _take(self, count: int) -> list[Delivery]:
        try:
            while not self._interrupted:
                taken = await self._try_to_take(count)
                if taken:
                    return taken
        except CancelledError:
            self.membership.suspect()
            if not self._interrupted:
                raise
        return []

    async def _try_to_take(self, count: int) -> list[Delivery]:
        if self.is_paused:
            self.wakeable.woken, self._answered_at = False, self._clock.seconds()
            await self._wait(deferLater(self._clock, PAUSED_POLL))
            return []
        try:
            taken = await self._take_once(count)
            self._pause, self._told, self._answered_at = 0.05, "", self._clock.seconds()
            return taken
        except BrokerUnavailable:
            if not self._reader.connected:
                await self._wait(self._reader.when_up())
                return []
        except ServerRefused as error:
            await self._recover(error)
        await self._wait(deferLater(self._clock, self._pause))
        self._pause = min(2.0, self._pause * 2)
        return []

    async def _take_once(self, count: int) -> list[Delivery]:
        self.wakeable.woken = False
        membership = self.membership
        await membership.reconcile(self._reader)
        backlog = membership.backlog
        if backlog:
            return self._hold([backlog.popleft() for _ in range(min(count, len(backlog)))])
        if membership.suspects and not any(d.probation for d in self.in_hand.values()):
            taken = await membership.next_suspect(self._reader)
            if taken:
                return self._hold(taken)
        return self._hold(await self._read(count))

    def _hold(self, taken: list[Delivery]) -> list[Delivery]:
        for delivery in taken:
            self.in_hand[delivery.id] = delivery
        return taken

    async def _read(self, count: int) -> list[Delivery]:
        if self._interrupted or self.wakeable.woken:
            return []
        name = self._broker.worker_id
        reading = self._reader.execute_blocking(
            *("XREADGROUP", "GROUP", GROUP, name, "COUNT", count, "BLOCK", int(BLOCK * 1000)),
            *("STREAMS", self._stream, ">"),
            seconds=BLOCK,
        )
        reply = await self.wakeable.wait(reading)
        if not reply:
            return []
        return self._entries.deliveries(self.token, reply[0][1])

    async def _wait(self, waiting: Deferred[Any]) -> None:
        if self.wakeable.woken:
            waiting.cancel()
        await self.wakeable.rest(waiting)

    async def _recover(self, error: ServerRefused) -> None:
        if error.code == "NOGROUP":
            _log.warn("{queue} has lost its group; making it anew", queue=self.queue)
            await self._join()
        elif not error.is_passing and error.code != "UNBLOCKED" and str(error) != self._told:
            self._told = str(error)
            _log.error("{queue} can't be read: {why}", queue=self.queue, why=self._told)

    def interrupt(self) -> Deferred[None]:
        """See :meth:`pipeline.interfaces.IConsumer.interrupt`."""
        return Deferred.fromCoroutine(self._interrupt())

    async def _interrupt(self) -> None:
        taking = self._taking
        if taking is None:
            return
        self._interrupted = True
        ended: Deferred[None] = Deferred()
        self._waiting_for_end.append(ended)
        late = self._clock.callLater(INTERRUPT_LIMIT, taking.cancel)
        waking = Deferred.fromCoroutine(self.wakeable.wake())
        waking.addErrback(expect_cancelled)
        await ended
        waking.cancel()
        if late.active():
            late.cancel()

    # What the dead held -----------------------------------------------------------------------

    async def take_over(self, dead: bytes, beat: bytes) -> None:
        """Take over all that a dead consumer of this queue holds, and forget it."""
        await self.membership.take_over_all(dead, beat, self.wakeable.wake)

    # Settling --------------------------------------------------------------------------------

    def settle(self, deliveries: Sequence[Delivery]) -> Deferred[list[Settled]]:
        """See :meth:`pipeline.interfaces.IConsumer.settle`.

        :raise BrokerUnavailable: the broker has stopped.
        """
        return Deferred.fromCoroutine(self._settle(deliveries))

    async def _settle(self, deliveries: Sequence[Delivery]) -> list[Settled]:
        results = await self._settler.settle(deliveries)
        settled = zip(deliveries, results, strict=True)
        gone = [delivery for delivery, result in settled if result not in IN_HAND]
        self._let_go(gone)
        if Settled.FENCED in results:
            await self._join()
        elif self.membership.suspects and any(delivery.probation for delivery in gone):
            await self.wakeable.wake()
        return results

    def settle_torn(self, delivery: Delivery) -> Deferred[list[Settled]]:
        """Settle an entry whose settlement failed half-way, in the group where those are."""
        settler = self._make_settler(TORN, self._layout.token(self.queue))
        return Deferred.fromCoroutine(settler.settle([delivery]))

    def postpone(
        self, delivery: Delivery, attempt: int, history: bytes, delay: int
    ) -> Deferred[Settled]:
        """See :meth:`pipeline.interfaces.IConsumer.postpone`."""
        noting = Deferred.fromCoroutine(self._notes.write(delivery, attempt, history, delay))
        return noting.addCallback(self._noted, delivery)

    def _noted(self, noted: Settled, delivery: Delivery) -> Settled:
        if delivery.probation and self.membership.suspects:
            Deferred.fromCoroutine(self.wakeable.wake()).addErrback(expect_cancelled)
        delivery.probation = False
        if noted is not Settled.WON:
            self._let_go([delivery])
        return noted

    def _let_go(self, deliveries: Iterable[Delivery]) -> None:
        in_hand = self.in_hand
        for delivery in deliveries:
            # After a flush the server may have given out the same id again.
            if in_hand.get(delivery.id) is delivery:
                del in_hand[delivery.id]

    def hand_back(self, deliveries: Sequence[Delivery]) -> Deferred[None]:
        """See :meth:`pipeline.interfaces.IConsumer.hand_back`."""
        return Deferred.fromCoroutine(self._hand_back(deliveries))

    async def _hand_back(self, deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            delivery.restart()
            delivery.stage(again(delivery, self._clock.seconds()))
        if deliveries:
            await self._settle(deliveries)
