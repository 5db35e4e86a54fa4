"""Notices workers that died, and takes over what they held.

A worker is dead when its beat has not moved for ``dead_after`` on the observer's own clock, all
the while the observer was connected and answered. No clock of another machine is compared, and no
key expires: after a pause of the server, everybody's would have.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from pipeline.brokers.redis.client import Client, Script
from pipeline.brokers.redis.entries import named
from pipeline.brokers.redis.layout import GROUP, TORN, Layout
from pipeline.brokers.redis.streams import RedisConsumer
from pipeline.delivery import Delivery, Post
from pipeline.errors import BrokerUnavailable, ServerRefused

if TYPE_CHECKING:
    from pipeline.brokers.redis.broker import RedisBroker

__all__ = ["Recoverer", "Watch"]

_RECLAIM = Script.load("reclaim.lua")
_FORGET = Script.load("forget.lua")
#: How many entries one script takes over or buries.
AT_ONCE = 100
#: Every so many looks, also workers that never beat are looked for.
THOROUGH = 5


class Watch:
    """Since when each worker's beat has been what it is.

    :param dead_after: seconds without a change that mean death.
    """

    def __init__(self, dead_after: float) -> None:
        self._dead_after = dead_after
        self._seen: dict[bytes, tuple[bytes, float]] = {}

    def restart(self) -> None:
        """Forget all: we were not watching for a while."""
        self._seen.clear()

    def see(self, beats: dict[bytes, bytes], now: float) -> None:
        """Note the beats as they are now."""
        for worker in self._seen.keys() - beats.keys():
            self._note(worker, b"", now)
        for worker, beat in beats.items():
            self._note(worker, beat, now)

    def _note(self, worker: bytes, beat: bytes, now: float) -> None:
        known = self._seen.get(worker)
        if known is None or known[0] != beat:
            self._seen[worker] = (beat, now)

    def dead(self, worker: bytes, now: float) -> bytes | None:
        """The last beat of a worker that is dead, b"" if it never beat; None for one alive."""
        if worker not in self._seen:
            self._seen[worker] = (b"", now)
        beat, since = self._seen[worker]
        return beat if now - since >= self._dead_after else None

    def any_dead(self, now: float) -> bool:
        """Whether somebody is dead."""
        return any(now - since >= self._dead_after for _, since in self._seen.values())


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
        self._watches = {layout: Watch(broker.dead_after) for layout in broker.layouts}
        self._loop: Deferred[None] | None = None
        self._looks = 0

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
        last = self._clock.seconds()
        while True:
            await deferLater(self._clock, self._interval)
            if self._clock.seconds() - last > 2 * self._interval + 1:
                self.restart()
            try:
                await self._look()
            except (BrokerUnavailable, ServerRefused) as error:
                self.restart()
                self._log.debug("can't look after the others: {why}", why=str(error))
            last = self._clock.seconds()

    async def _look(self) -> None:
        self._looks += 1
        thorough = self._looks % THOROUGH == 0
        for layout, watch in self._watches.items():
            asked = self._clock.seconds()
            flat = await self._client.execute("ZRANGE", layout.beats, 0, -1, "WITHSCORES")
            now = self._clock.seconds()
            if now - asked > self._interval + 1:
                watch.restart()
            watch.see(dict(zip(flat[::2], flat[1::2], strict=True)), now)
            if thorough or watch.any_dead(now):
                await self._recover(layout, watch)

    async def _recover(self, layout: Layout, watch: Watch) -> None:
        for consumer in self._broker.consumers(layout):
            await self._reclaim(layout, watch, consumer)
        flat = await self._client.execute("HGETALL", layout.instances)
        for queue, worker in zip(flat[::2], flat[1::2], strict=True):
            beat = watch.dead(worker, self._clock.seconds())
            if beat is not None:
                await self._drain(self._broker.bury, layout, queue.decode(), worker.decode(), beat)

    async def _drain(self, bury: Callable[..., Any], *args: Any) -> None:
        while await bury(*args):
            self._log.warn("dead letters: {queue} has lost its instance", queue=args[1])

    async def _reclaim(self, layout: Layout, watch: Watch, consumer: RedisConsumer) -> None:
        stream = layout.stream(consumer.queue)
        others = await self._client.execute("XINFO", "CONSUMERS", stream, GROUP)
        for flat in others:
            info = named(flat)
            name = info[b"name"]
            if name == TORN.encode():
                if info[b"pending"]:
                    await self._bury_torn(layout, consumer)
            elif name != self._broker.worker_id.encode():
                beat = watch.dead(name, self._clock.seconds())
                if beat is not None:
                    await self._take_over(layout, consumer, name, beat)

    async def _take_over(
        self, layout: Layout, consumer: RedisConsumer, dead: bytes, beat: bytes
    ) -> None:
        stream = layout.stream(consumer.queue)
        keys = [stream, layout.beats, layout.token(consumer.queue)]
        me = self._broker.worker_id
        while True:
            reply = await self._client.run(
                _RECLAIM, keys, [GROUP, dead, beat, me, AT_ONCE, consumer.token]
            )
            if reply in ([b"ALIVE"], [b"FENCED"]):
                return
            if reply:
                self._log.warn(
                    "took over {n} messages of {queue} from {dead}, which is dead",
                    n=len(reply) // 2,
                    queue=consumer.queue,
                    dead=dead.decode(),
                )
                await consumer.adopt(dict(zip(reply[::2], reply[1::2], strict=True)))
            if len(reply) < 2 * AT_ONCE:
                break
        await self._client.run(_FORGET, [stream], [GROUP, dead])
        await self._client.execute("ZREM", layout.beats, dead)

    async def _bury_torn(self, layout: Layout, consumer: RedisConsumer) -> None:
        """Dead-letter what was acknowledged and then could not be written whole."""
        stream = layout.stream(consumer.queue)
        held = await self._client.execute("XPENDING", stream, GROUP, "-", "+", AT_ONCE, TORN)
        for id in (entry[0] for entry in held):
            found = await self._client.execute("XRANGE", stream, id, id)
            if not found:
                await self._client.execute("XACK", stream, GROUP, id)
                continue
            await consumer.settle([_torn(consumer, id, found[0][1])])


def _torn(consumer: RedisConsumer, id: bytes, values: list[bytes]) -> Delivery:
    fields = named(values)
    payload = fields.get(b"m", b"")
    delivery = Delivery(consumer.queue, id, payload, token=consumer.token)
    error = b"its settlement failed half-way: some of its effects happened, others did not"
    headers = (b"reason", b"torn", b"error", error, b"history", fields.get(b"h", b""))
    delivery.stage(Post("!" + consumer.queue, payload, headers))
    return delivery


def _ended(failure: Failure) -> None:
    failure.trap(CancelledError)
