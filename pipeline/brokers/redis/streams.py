"""Reading a queue: a stream, its one group, and a consumer that loses no reply."""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater
from twisted.logger import Logger
from zope.interface import implementer

from pipeline.brokers.redis.client import Client, Script
from pipeline.brokers.redis.entries import Entries, again
from pipeline.brokers.redis.layout import GROUP, Layout
from pipeline.brokers.redis.patience import PASSING, run_patiently
from pipeline.brokers.redis.settle import Settler
from pipeline.brokers.redis.wakeable import Wakeable
from pipeline.delivery import Delivery, Settled
from pipeline.errors import BrokerUnavailable, ServerRefused
from pipeline.interfaces import IConsumer

if TYPE_CHECKING:
    from pipeline.brokers.redis.broker import RedisBroker

__all__ = ["RedisConsumer"]

_OPEN = Script.load("open.lua")
_FORGET = Script.load("forget.lua")
#: Seconds that a read blocks at the server, and that the client waits beyond that. Together they
#: are how long a half-open connection stays unnoticed.
BLOCK, GRACE = 4.0, 5.0
#: Seconds between looks for replies that never arrived.
RECONCILE = 5.0
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
        self._name = broker.worker_id.encode()
        self._stream = self._layout.stream(queue)
        self._settler = Settler(
            broker.client, broker.clock, self._layout, queue, lambda: broker.time_offset_ms
        )
        self._reader = Client(
            broker.address,
            broker.clock,
            name=f"{broker.worker_id}:{queue}",
            reply_timeout=GRACE,
            on_up=self._suspect,
        )
        self.token = b""
        self._backlog: deque[Delivery] = deque()
        self._suspects: dict[bytes, int] = {}
        self._wakeable = Wakeable(self._reader, broker.client, broker.clock)
        self._interrupted = self._taking = False
        self._waiting_for_end: list[Deferred[None]] = []
        self._pause = 0.05
        self._reconcile_at = 0.0

    # Opening and closing ----------------------------------------------------------------------

    def open(self) -> Deferred[None]:
        """See :meth:`pipeline.interfaces.IConsumer.open`."""
        return Deferred.fromCoroutine(self._open())

    async def _open(self) -> None:
        if self._instance:
            await self._broker.patiently(
                "HSET", self._layout.instances, self.queue, self._broker.worker_id
            )
        await self._know_token()
        self._broker.opened(self)
        await self._reader.start()

    async def _know_token(self) -> None:
        keys = [self._stream, self._layout.token(self.queue)]
        args = [GROUP, secrets.token_hex(8)]
        self.token, _ = await run_patiently(self._client, self._clock, _OPEN, keys, args)

    def close(self) -> Deferred[None]:
        """See :meth:`pipeline.interfaces.IConsumer.close`."""
        return Deferred.fromCoroutine(self._close())

    async def _close(self) -> None:
        self._broker.closed(self)
        await self.interrupt()
        try:
            await self._leave()
        except BrokerUnavailable as error:
            _log.warn("{queue} is left to others: {why}", queue=self.queue, why=str(error))
        await self._reader.stop()

    async def _leave(self) -> None:
        if not self._client.connected:
            raise BrokerUnavailable(self._client.problem or "no connection")
        await self._reconcile(self._client)
        await self.hand_back([*self._backlog, *await self._fetch(self._suspects)])
        self._backlog.clear()
        self._suspects.clear()
        await self._client.run(_FORGET, [self._stream], [GROUP, self._name])
        if self._instance:
            await self._bury_rest()

    async def _bury_rest(self) -> None:
        while await self._broker.bury(self._layout, self.queue, self._broker.worker_id, b"*"):
            pass

    # Taking --------------------------------------------------------------------------------

    def take(self, count: int) -> Deferred[list[Delivery]]:
        """See :meth:`pipeline.interfaces.IConsumer.take`."""
        return Deferred.fromCoroutine(self._take(count))

    async def _take(self, count: int) -> list[Delivery]:
        self._interrupted, self._taking = False, True
        try:
            while not self._interrupted:
                taken = await self._try_to_take(count)
                if taken:
                    return taken
            return []
        finally:
            self._taking = False
            waiting, self._waiting_for_end = self._waiting_for_end, []
            for ended in waiting:
                ended.callback(None)

    async def _try_to_take(self, count: int) -> list[Delivery]:
        try:
            taken = await self._take_once(count)
            self._pause = 0.05
            return taken
        except CancelledError:
            return []
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
        self._wakeable.woken = False
        if self._clock.seconds() >= self._reconcile_at:
            await self._reconcile(self._reader)
        if self._backlog:
            taken = [self._backlog.popleft() for _ in range(min(count, len(self._backlog)))]
            return self._hold(taken)
        if self._suspects and not any(d.probation for d in self.in_hand.values()):
            taken = await self._one_on_probation()
            if taken:
                return self._hold(taken)
        return self._hold(await self._read(count))

    def _hold(self, taken: list[Delivery]) -> list[Delivery]:
        for delivery in taken:
            self.in_hand[delivery.id] = delivery
        return taken

    async def _read(self, count: int) -> list[Delivery]:
        if self._interrupted or self._wakeable.woken:
            return []
        reading = self._reader.execute_blocking(
            *("XREADGROUP", "GROUP", GROUP, self._name, "COUNT", count, "BLOCK", int(BLOCK * 1000)),
            *("STREAMS", self._stream, ">"),
            seconds=BLOCK,
        )
        reply = await self._wakeable.wait(reading)
        if not reply:
            return []
        make, token = self._entries.delivery, self.token
        return [make(token, id, values) for id, values in reply[0][1]]

    async def _wait(self, waiting: Deferred[Any]) -> None:
        if self._wakeable.woken:
            waiting.cancel()
        await self._wakeable.wait(waiting)

    async def _recover(self, error: ServerRefused) -> None:
        if error.code == "NOGROUP":
            _log.warn("{queue} has lost its group; making it anew", queue=self.queue)
            await self._know_token()
            self._suspect()
        elif error.code not in PASSING and error.code != "UNBLOCKED":
            _log.error("{queue} can't be read: {why}", queue=self.queue, why=str(error))

    def interrupt(self) -> Deferred[None]:
        """See :meth:`pipeline.interfaces.IConsumer.interrupt`."""
        return Deferred.fromCoroutine(self._interrupt())

    async def _interrupt(self) -> None:
        if not self._taking:
            return
        self._interrupted = True
        ended: Deferred[None] = Deferred()
        self._waiting_for_end.append(ended)
        await self._wakeable.wake()
        await ended

    # Lost replies --------------------------------------------------------------------------------

    def _suspect(self) -> None:
        """A reply may have been lost: look at the next occasion."""
        self._reconcile_at = 0.0

    async def _reconcile(self, client: Client) -> None:
        """Take again what the server thinks we have and we don't.

        Asked on the connection of the reads, between two of them: what a read is about to bring
        is never mistaken for lost.
        """
        lost: list[bytes] = []
        start = b"-"
        known = {delivery.id for delivery in self._backlog} | set(self._suspects)
        while True:
            page = await client.execute(
                "XPENDING", self._stream, GROUP, start, "+", 1000, self._name
            )
            lost += (e[0] for e in page if e[0] not in self.in_hand and e[0] not in known)
            if len(page) < 1000:
                break
            start = b"(" + page[-1][0]
        if lost:
            self._backlog += await self._fetch(lost)
        self._reconcile_at = self._clock.seconds() + RECONCILE

    async def _fetch(self, ids: Iterable[bytes]) -> list[Delivery]:
        ids = list(ids)
        if not ids:
            return []
        replies = await self._client.execute_many([("XRANGE", self._stream, i, i) for i in ids])
        found, gone = [], []
        for id, reply in zip(ids, replies, strict=True):
            if isinstance(reply, list) and reply:
                deaths = self._suspects.get(id, 0)
                found.append(self._entries.delivery(self.token, id, reply[0][1], deaths))
            elif reply == []:
                gone.append(id)
        if gone:
            await self._client.execute("XACK", self._stream, GROUP, *gone)
        return found

    # What the dead held -----------------------------------------------------------------------

    async def adopt(self, suspects: dict[bytes, int]) -> None:
        """Handle these on probation: each may be what killed its worker.

        :param suspects: entry id to how often it was delivered before.
        """
        self._suspects.update(suspects)
        await self._wakeable.wake()

    async def _one_on_probation(self) -> list[Delivery]:
        id, deaths = next(iter(self._suspects.items()))
        reply = await self._reader.execute("XCLAIM", self._stream, GROUP, self._name, 0, id)
        del self._suspects[id]
        if not reply or reply[0] is None:
            return []
        delivery = self._entries.delivery(self.token, id, reply[0][1], deaths)
        delivery.probation = True
        return [delivery]

    # Settling --------------------------------------------------------------------------------

    def settle(self, deliveries: Sequence[Delivery]) -> Deferred[list[Settled]]:
        """See :meth:`pipeline.interfaces.IConsumer.settle`."""
        return Deferred.fromCoroutine(self._settle(deliveries))

    async def _settle(self, deliveries: Sequence[Delivery]) -> list[Settled]:
        results = await self._settler.settle(deliveries)
        for delivery, result in zip(deliveries, results, strict=True):
            if result is not Settled.CONFLICT and result is not Settled.REFUSED:
                self._let_go(delivery)
                if delivery.probation and self._suspects:
                    await self._wakeable.wake()
        if Settled.FENCED in results:
            self._suspect()
            await self._know_token()
        return results

    def _let_go(self, delivery: Delivery) -> None:
        # After a flush the server may have given out the same id again.
        if self.in_hand.get(delivery.id) is delivery:
            del self.in_hand[delivery.id]

    def hand_back(self, deliveries: Sequence[Delivery]) -> Deferred[None]:
        """See :meth:`pipeline.interfaces.IConsumer.hand_back`."""
        return Deferred.fromCoroutine(self._hand_back(deliveries))

    async def _hand_back(self, deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            delivery.restart()
            delivery.stage(again(delivery))
        if deliveries:
            await self._settle(deliveries)
