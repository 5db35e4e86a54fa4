"""The broker on a Redis or Valkey server."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.defer import TimeoutError as TooLate
from twisted.internet.threads import deferToThread
from zope.interface import implementer

from pipeline.brokers.redis.address import Address
from pipeline.brokers.redis.beats import BEAT, Heart
from pipeline.brokers.redis.client import Client, Script, server_checks
from pipeline.brokers.redis.dead import RedisDeadLetters, dead_queues
from pipeline.brokers.redis.delayed import Mover
from pipeline.brokers.redis.janitor import Janitor
from pipeline.brokers.redis.layout import GROUP, Layout
from pipeline.brokers.redis.limited import LimitedConsumer
from pipeline.brokers.redis.membership import Membership
from pipeline.brokers.redis.ordered import OrderedConsumer
from pipeline.brokers.redis.overseer import RedisOverseer
from pipeline.brokers.redis.pausing import Pauses
from pipeline.brokers.redis.producer import Producer
from pipeline.brokers.redis.reclaim import Recoverer
from pipeline.brokers.redis.store import RedisReader
from pipeline.brokers.redis.streams import RedisConsumer
from pipeline.delivery import DeadLetterEntry, Depth, Limit, Post
from pipeline.errors import BrokerUnavailable, ServerRefused
from pipeline.interfaces import IBroker
from pipeline.signals import connection_lost, connection_made

__all__ = ["RedisBroker"]

_BURY = Script.load("members.lua", "gone.lua", "bury.lua")
#: How many dead letters of a lost instance one script makes.
BURIED_AT_ONCE = 100
#: Seconds that stopping waits for what is unsent, and to say good-bye.
FLUSH_LIMIT, BYE_LIMIT = 3.0, 0.5


@implementer(IBroker)
class RedisBroker:
    """Carries messages over streams of a Redis or Valkey server, 6.2 or newer.

    :param address: where the server is.
    :param clock: the reactor.
    :param namespace: what separates this system from others on the server.
    :param partitions: how many partitions there are; the same in every process.
    :param name: stands in the worker's id and in CLIENT LIST.
    :param workers: the names of the workers that run in this process, for who looks.
    :param dead_after: seconds without a beat after which a worker is dead.
    :param beat_every: seconds between beats.
    :param dead_letter_retention: seconds after which dead letters of the queues that are read here
        are thrown away; None: never.
    """

    def __init__(
        self,
        address: Address,
        clock: Any,
        *,
        namespace: str,
        partitions: int = 1,
        name: str = "",
        workers: Sequence[str] = (),
        dead_after: float = 15.0,
        beat_every: float = 1.0,
        dead_letter_retention: float | None = None,
    ) -> None:
        self.address = address
        self.clock = clock
        self.namespace = namespace
        self.partitions = partitions
        self.dead_after = dead_after
        self.worker_id = f"{name or socket.gethostname()}-{os.getpid()}-{secrets.token_hex(6)}"
        #: Milliseconds added to the server's time; only tests set it.
        self.time_offset_ms = 0
        self.layouts = [Layout(namespace, n) for n in range(partitions)]
        self.client = Client(
            address, clock, name=self.worker_id, on_up=self._up, on_down=self._down
        )
        self._readers = [RedisReader(self.client, clock, at, self._offset) for at in self.layouts]
        self._producer = Producer(self.client, clock, self.layouts, self.worker_id, self._offset)
        self._consumers: list[RedisConsumer] = []
        #: The same, so that who looks for those of one queue needn't look at all.
        self._readers_of: dict[tuple[Layout, str], list[RedisConsumer]] = {}
        self._mover = Mover(self.client, clock, self._offset)
        self._heart = Heart(address, self.worker_id, self.layouts, beat_every, workers)
        #: Which queues an operator has paused.
        self.pauses = Pauses(self.client, clock, self.layouts[0].pauses, lambda: self._consumers)
        self._recoverer = Recoverer(self, min(1.0, dead_after / 4))
        self._janitor = Janitor(self, dead_letter_retention)
        self._started = False
        self._is_up = False

    def __repr__(self) -> str:
        return f"<RedisBroker {self.worker_id} at {self.address}>"

    def _offset(self) -> int:
        return self.time_offset_ms

    def _up(self) -> None:
        self._is_up = True
        connection_made.send_robust(self)
        self._recoverer.restart()

    def _down(self, why: str) -> None:
        if self._is_up:
            self._is_up = False
            connection_lost.send_robust(self, reason=why)

    @property
    def available(self) -> bool:
        """See :class:`pipeline.interfaces.IBroker`."""
        return self.client.connected

    @property
    def problem(self) -> str | None:
        """See :class:`pipeline.interfaces.IBroker`."""
        return None if self.client.connected else self.client.problem or "not connected yet"

    @property
    def silence(self) -> float:
        """See :class:`pipeline.interfaces.IBroker`."""
        return self._heart.silence

    # Life ----------------------------------------------------------------------------------------

    def start(self) -> Deferred[None]:
        """See :meth:`pipeline.interfaces.IBroker.start`.

        :raise ServerRefused: the server is set up to throw messages away, or is too old.
        """
        return Deferred.fromCoroutine(self._start())

    async def _start(self) -> None:
        await self.client.start()
        try:
            await server_checks(self.client)
            for keys, args in self._heart.beats:
                await self.client.run(BEAT, keys, args)
        except BaseException:
            await self._close()
            raise
        self._started = True
        self._heart.start()
        self._mover.start()
        self._recoverer.start()
        self._janitor.start()
        self.pauses.start()

    def stop(self) -> Deferred[None]:
        """See :meth:`pipeline.interfaces.IBroker.stop`. Waits 3 s for what is still unsent."""
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        self._mover.stop()
        self._recoverer.stop()
        self._janitor.stop()
        self.pauses.stop()
        self._heart.stop()
        ends = [self._producer.stop(FLUSH_LIMIT), *(c.abandon() for c in self._consumers)]
        await gatherResults(map(Deferred.fromCoroutine, ends))
        if self._started:
            await self._say_good_bye()
        await self._close()
        if self._started:
            self._started = False
            await deferToThread(self._heart.join, 0.1)

    async def _close(self) -> None:
        await self.client.stop()
        self._down("the broker has been stopped")

    async def _say_good_bye(self) -> None:
        if not self.client.connected:
            return
        bye = self.client.execute_many(
            [("ZREM", layout.beats, self.worker_id) for layout in self.layouts]
            + [("HDEL", layout.cards, self.worker_id) for layout in self.layouts]
        )
        try:
            await bye.addTimeout(BYE_LIMIT, self.clock)
        except (BrokerUnavailable, TooLate):
            return

    # Publishing ----------------------------------------------------------------------------------

    def publish(
        self, posts: Sequence[Post], partition: int = 0, max_depth: int = 0
    ) -> Deferred[None]:
        """See :meth:`pipeline.interfaces.IBroker.publish`."""
        return self._producer.publish(posts, partition, max_depth)

    # Consuming -----------------------------------------------------------------------------------

    def consumer(
        self,
        queue: str,
        partition: int = 0,
        instance: bool = False,
        ordered: bool = False,
        limit: Limit | None = None,
    ) -> RedisConsumer:
        """See :meth:`pipeline.interfaces.IBroker.consumer`."""
        if limit is not None:
            return LimitedConsumer(self, queue, partition, limit)
        kind = OrderedConsumer if ordered else RedisConsumer
        return kind(self, queue, partition, instance)

    def consumers(self, layout: Layout) -> list[RedisConsumer]:
        """Those that are open in a partition."""
        return [c for c in self._consumers if self.layouts[c.partition] is layout]

    def members(self, layout: Layout, queue: str) -> list[Membership]:
        """Of those that read a queue of a partition."""
        return [c.membership for c in self._readers_of.get((layout, queue), ())]

    def opened(self, consumer: RedisConsumer) -> None:
        """Look after a consumer's queue from now on."""
        layout, queue = self.layouts[consumer.partition], consumer.queue
        self._consumers.append(consumer)
        self._readers_of.setdefault((layout, queue), []).append(consumer)
        self._mover.watch(layout, queue)

    def closed(self, consumer: RedisConsumer) -> None:
        """Look after a consumer's queue no more."""
        if consumer not in self._consumers:
            return
        layout, queue = self.layouts[consumer.partition], consumer.queue
        self._consumers.remove(consumer)
        self._readers_of[layout, queue].remove(consumer)
        if not self._readers_of[layout, queue]:
            del self._readers_of[layout, queue]
        self._mover.leave(layout, queue)

    async def bury(self, layout: Layout, queue: str, worker: str, beat: bytes) -> bool:
        """Dead-letter what waits for an instance that is gone; True while there may be more."""
        keys = [
            layout.stream(queue),
            layout.dead(queue),
            layout.beats,
            layout.instances,
            layout.token(queue),
            layout.delayed(queue),
        ]
        reply = await self.client.run(_BURY, keys, [queue, worker, beat, BURIED_AT_ONCE])
        return bool(reply == BURIED_AT_ONCE)

    # The store, and looking in -------------------------------------------------------------------

    def reader(self, partition: int = 0) -> RedisReader:
        """See :meth:`pipeline.interfaces.IBroker.reader`."""
        return self._readers[partition]

    def now(self) -> Deferred[int]:
        """See :meth:`pipeline.interfaces.IBroker.now`."""
        return Deferred.fromCoroutine(self._now())

    async def _now(self) -> int:
        seconds, micros = await self.client.execute("TIME")
        return int(seconds) * 1000 + int(micros) // 1000 + self.time_offset_ms

    def depth(self, queue: str) -> Deferred[Depth]:
        """See :meth:`pipeline.interfaces.IBroker.depth`."""
        return Deferred.fromCoroutine(self._depth(queue))

    async def _depth(self, queue: str) -> Depth:
        totals = [0, 0, 0, 0]
        for layout in self.layouts:
            length, pending, delayed, dead = await self.client.execute_many(
                [
                    ("XLEN", layout.stream(queue)),
                    ("XPENDING", layout.stream(queue), GROUP),
                    ("ZCARD", layout.delayed(queue)),
                    ("XLEN", layout.dead(queue)),
                ]
            )
            for reply in (length, delayed, dead):
                if isinstance(reply, ServerRefused):
                    raise reply
            held = pending[0] if isinstance(pending, list) else 0
            for n, count in enumerate((length - held, held, delayed, dead)):
                totals[n] += count
        return Depth(*totals)

    def dead(
        self, queue: str, partition: int = 0, start: str = "-", count: int = 100
    ) -> Deferred[list[DeadLetterEntry]]:
        """See :meth:`pipeline.interfaces.IBroker.dead`."""
        return self.dead_letters(queue, partition).page(start, count)

    def dead_letters(self, queue: str, partition: int = 0) -> RedisDeadLetters:
        """See :meth:`pipeline.interfaces.IBroker.dead_letters`."""
        layout = self.layouts[partition]
        return RedisDeadLetters(self.client, self.clock, layout, queue, self._offset)

    def dead_queues(self) -> Deferred[list[str]]:
        """See :meth:`pipeline.interfaces.IBroker.dead_queues`."""
        return Deferred.fromCoroutine(dead_queues(self.client, self.clock, self.layouts))

    def overseer(self) -> RedisOverseer:
        """See :meth:`pipeline.interfaces.IBroker.overseer`."""
        return RedisOverseer(self)
