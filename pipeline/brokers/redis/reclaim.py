"""Notices workers that died, and takes over what they held.

A worker is dead when its beat has not moved for ``dead_after`` on the observer's own clock, all
the while the observer was connected and answered. No clock of another machine is compared, and no
key expires: after a pause of the server, everybody's would have.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from pipeline.brokers.redis.client import Client, Script
from pipeline.brokers.redis.entries import named
from pipeline.brokers.redis.layout import GROUP, TORN, Layout
from pipeline.brokers.redis.ordered import OrderedConsumer
from pipeline.brokers.redis.streams import RedisConsumer
from pipeline.delivery import Delivery, Post
from pipeline.errors import BrokerUnavailable, ServerRefused
from pipeline.ticks import until_tick

if TYPE_CHECKING:
    from pipeline.brokers.redis.broker import RedisBroker

__all__ = ["Recoverer", "Watch"]

_STRIKE = Script.load("strike.lua")
#: For how many ms it is noted who died, and of how many.
NOTED_FOR, NOTED = 3_600_000, 100
#: How many torn entries of a queue are buried in one look; and of how many queues is asked at once.
AT_ONCE = 100
#: Every so many looks, also workers that never beat are looked for.
THOROUGH = 5


class Watch:
    """Since when each worker's beat has been what it is.

    :param dead_after: seconds without a change that mean death.
    :param stall: seconds between two looks beyond which it was we who did not see.
    """

    def __init__(self, dead_after: float, stall: float) -> None:
        self._dead_after = dead_after
        self._stall = stall
        self._seen: dict[bytes, tuple[bytes, float]] = {}
        self._now = 0.0

    def restart(self) -> None:
        """Forget all: we were not watching for a while."""
        self._seen.clear()

    def see(self, beats: dict[bytes, bytes], now: float) -> None:
        """Note the beats as they are now."""
        if now - self._now > self._stall:
            self.restart()
        self._now = now
        for worker in self._seen.keys() - beats.keys():
            # Struck off the list, or lost: that is no sign of life, and none of death.
            self._seen[worker] = (b"", self._seen[worker][1])
        for worker, beat in beats.items():
            known = self._seen.get(worker)
            if known is None or known[0] != beat:
                self._seen[worker] = (beat, now)

    def last_beat(self, worker: bytes) -> bytes | None:
        """The last beat of a worker that is dead, b"" if it never beat; None for one alive."""
        beat, since = self._seen.setdefault(worker, (b"", self._now))
        return beat if self._now - since >= self._dead_after else None

    def dead(self) -> list[tuple[bytes, bytes]]:
        """Who is dead, each with its last beat."""
        now, long = self._now, self._dead_after
        return [(w, beat) for w, (beat, since) in self._seen.items() if now - since >= long]

    def forget(self, worker: bytes) -> None:
        """Watch a worker no more."""
        self._seen.pop(worker, None)


class Recoverer:
    """Looks after the queues that this process consumes, once in every interval.

    :param broker: whose consumers they are.
    :param interval: seconds between looks.
    """

    _log = Logger()

    def __init__(self, broker: RedisBroker, interval: float) -> None:
        self._broker = broker
        self._client: Client = broker.client
        self._clock = broker.clock
        self._interval = interval
        stall = interval + broker.dead_after / 2
        self._watches = {at: Watch(broker.dead_after, stall) for at in broker.layouts}
        self._loop: Deferred[None] | None = None
        self._looks = 0
        self._troubles: dict[str, str] = {}

    def start(self) -> None:
        """Begin to look."""
        self._loop = Deferred.fromCoroutine(self._run())
        self._loop.addErrback(_ended)

    def stop(self) -> None:
        """Look no more."""
        if self._loop is not None:
            self._loop.cancel()

    def restart(self) -> None:
        """The connection was lost: nobody was watched meanwhile."""
        for watch in self._watches.values():
            watch.restart()

    async def _run(self) -> None:
        while True:
            await deferLater(self._clock, until_tick(self._clock, self._interval))
            self._looks += 1
            thorough = self._looks % THOROUGH == 0
            try:
                for layout, watch in self._watches.items():
                    await self._attempt(self._look(layout, watch, thorough), "the beats")
            except (BrokerUnavailable, ServerRefused) as error:
                self.restart()
                self._log.debug("can't look after the others: {why}", why=str(error))

    async def _attempt(self, work: Awaitable[Any], what: str) -> bool:
        """Do one of several things, so that a broken one doesn't keep the others from being done.

        :raise ServerRefused: the server can do nothing now.
        """
        trouble = ""
        try:
            await work
        except ServerRefused as error:
            if error.is_passing:
                raise
            trouble = str(error)
        if trouble and self._troubles.get(what) != trouble:
            self._log.error("can't look after {what}: {why}", what=what, why=trouble)
        self._troubles[what] = trouble
        return not trouble

    async def _look(self, layout: Layout, watch: Watch, thorough: bool) -> None:
        flat = await self._client.execute("ZRANGE", layout.beats, 0, -1, "WITHSCORES")
        beats = dict(zip(flat[::2], flat[1::2], strict=True))
        watch.see(beats, self._clock.seconds())
        if not thorough and not watch.dead():
            return
        whole, consumers = True, self._broker.consumers(layout)
        for start in range(0, len(consumers), AT_ONCE):
            whole &= await self._recover_all(layout, watch, consumers[start : start + AT_ONCE])
        whole &= await self._attempt(self._bury_instances(layout, watch), "the lost instances")
        if whole:
            await self._strike(layout, watch)

    async def _strike(self, layout: Layout, watch: Watch) -> None:
        """Forget the dead, for which all was done that is to be done here."""
        keys = [layout.beats, layout.cards, layout.gone]
        for worker, beat in watch.dead():
            if beat:
                await self._client.run(_STRIKE, keys, [worker, beat, NOTED_FOR, NOTED])
            watch.forget(worker)

    async def _bury_instances(self, layout: Layout, watch: Watch) -> None:
        flat = await self._client.execute("HGETALL", layout.instances)
        for queue, worker in zip(flat[::2], flat[1::2], strict=True):
            beat = watch.last_beat(worker)
            if beat is not None:
                name = queue.decode("utf-8", "surrogateescape")
                self._log.warn("dead letters: {queue} has lost its instance", queue=name)
                while await self._broker.bury(layout, name, worker, beat):
                    pass

    async def _recover_all(
        self, layout: Layout, watch: Watch, consumers: Sequence[RedisConsumer]
    ) -> bool:
        """Look after several queues, which are asked about together: mostly there is nothing."""
        whole = True
        streams = [layout.stream(consumer.queue) for consumer in consumers]
        torn = [("XPENDING", stream, TORN, "-", "+", AT_ONCE) for stream in streams]
        members = [("XINFO", "CONSUMERS", stream, GROUP) for stream in streams]
        told = await self._client.execute_many([*torn, *members])
        for n, consumer in enumerate(consumers):
            work = self._recover(streams[n], watch, consumer, told[n], told[n + len(consumers)])
            whole &= await self._attempt(work, consumer.queue)
        return whole

    async def _recover(
        self, stream: bytes, watch: Watch, consumer: RedisConsumer, torn: Any, members: Any
    ) -> None:
        await self._bury_torn(stream, consumer, torn)
        if isinstance(consumer, OrderedConsumer):
            await consumer.take_lease_of_dead(watch.last_beat)
            return
        if isinstance(members, ServerRefused):
            raise members
        for name in (named(flat)[b"name"] for flat in members):
            beat = watch.last_beat(name)
            if beat is not None and name != self._broker.worker_id.encode():
                await consumer.take_over(name, beat)

    async def _bury_torn(self, stream: bytes, consumer: RedisConsumer, held: Any) -> None:
        """Dead-letter what was acknowledged and then could not be written whole."""
        if isinstance(held, ServerRefused):
            if held.code != "NOGROUP":
                raise held
            return  # Nothing was ever torn.
        for id in (entry[0] for entry in held):
            found = await self._client.execute("XRANGE", stream, id, id)
            if not found:
                await self._client.execute("XACK", stream, TORN, id)
                continue
            await consumer.settle_torn(_torn(consumer, id, found[0][1]))


def _torn(consumer: RedisConsumer, id: bytes, values: list[bytes]) -> Delivery:
    fields = named(values)
    payload = fields.get(b"m", b"")
    delivery = Delivery(consumer.queue, id, payload, token=consumer.token)
    error = b"its settlement failed half-way: some of its effects happened, others did not"
    headers: tuple[bytes, ...] = (b"reason", b"torn", b"error", error)
    headers += (b"attempts", fields.get(b"a", b"1"), b"history", fields.get(b"h", b""))
    headers += (b"enqueued_at", fields.get(b"t", id.partition(b"-")[0]))
    headers += (b"trace", fields[b"c"]) if b"c" in fields else ()
    delivery.stage(Post("!" + consumer.queue, payload, headers))
    return delivery


def _ended(failure: Failure) -> None:
    failure.trap(CancelledError)
