"""Reading a queue in its order, across processes: one consumer at a time, by a lease.

Who has the lease reads; the others wait for it. It is checked in the very scripts that read, note
and settle, so that a consumer that has lost it, and doesn't know yet, changes nothing any more.
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.logger import Logger

from pipeline.brokers.redis.client import Script
from pipeline.brokers.redis.entries import named
from pipeline.brokers.redis.layout import GROUP
from pipeline.brokers.redis.settle import IN_HAND
from pipeline.brokers.redis.shape import agree_on_partitions
from pipeline.brokers.redis.streams import BLOCK, RedisConsumer
from pipeline.delivery import Delivery, Settled
from pipeline.errors import BrokerUnavailable

__all__ = ["OrderedConsumer"]

_LEASE = Script.load("lease.lua")
_RELEASE = Script.load("release.lua")
_PENDING = Script.load("position.lua", "pending.lua")
_READ = Script.load("position.lua", "read.lua")
#: Seconds between two tries to get the lease.
LEASE_POLL = 0.15
#: Seconds until the first look whether a suspect still runs, and between the later ones; when it is
#: settled here that is known at once.
SUSPECT_POLL, SUSPECT_POLL_MOST = 0.005, 0.2
#: How many pending entries one script claims.
PAGE = 500
_log = Logger()


class OrderedConsumer(RedisConsumer):
    """Takes the messages of one partition of a queue in their order, while it has the lease.

    What was pending when it got the lease comes first, in the order of the queue. When its last
    owner has died, that comes on probation: one after the other, each only when the one before
    is settled, postponed, or was found to wait behind another of its key.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._lease = b""
        self._nonce = secrets.token_hex(8)
        #: An owner of the lease that is dead, and its last beat.
        self._dead = (b"", b"")
        #: The last id that was read, as we know; b"" when we don't.
        self._position = b""
        #: What was pending, in the queue's order: id, deaths, and whether it is a suspect.
        self._pending: deque[tuple[bytes, int, bool]] = deque()
        self._after_death = False
        #: Fires when the suspect that was given out may be settled.
        self._tried: Deferred[None] | None = None
        self._suspect_poll = SUSPECT_POLL

    def _fence(self) -> bytes:
        return self._layout.lease(self.queue)

    async def _join(self) -> None:
        broker = self._broker
        await agree_on_partitions(
            self._client, self._clock, broker.namespace, self.queue, broker.partitions
        )
        await super()._join()

    # The lease -----------------------------------------------------------------------------------

    @property
    def has_lease(self) -> bool:
        """Whether it reads; another may have the lease already without our knowing."""
        return bool(self._lease)

    async def take_lease_of_dead(self, last_beat: Callable[[bytes], bytes | None]) -> None:
        """See whether the owner of the lease is dead, to take it with the next try.

        :param last_beat: gives the last beat of a worker that is dead, None for one alive.
        """
        held: bytes | None = await self._client.execute("GET", self._fence())
        owner = (held or b"").partition(b":")[2].rpartition(b":")[0]
        if not owner or held == self._lease:
            return
        beat = last_beat(owner)
        if beat is not None and owner != self._broker.worker_id.encode():
            self._dead = (owner, beat)

    async def _get_lease(self) -> bool:
        keys = [self._fence(), self._layout.beats]
        args: list[Any] = [self._broker.worker_id, self._nonce, *self._dead]
        reply = await self._client.run(_LEASE, keys, args)
        if reply[0] == b"HELD":
            return False
        self._lease, owner = reply[1], reply[2]
        self._after_death = bool(owner)
        self._dead = (b"", b"")
        _log.info(
            "{queue} is read here, partition {n}{why}",
            queue=self.queue,
            n=self.partition,
            why=f": {owner.decode()} is dead" if owner else "",
        )
        await self.membership.join()
        return True

    async def _stop_reading(self, why: bytes) -> None:
        """The lease is another's, or the group has gone and everything begins anew."""
        if why == b"LOST":
            self._lose_lease()
            return
        _log.warn("{queue} has lost its group; making it anew", queue=self.queue)
        self._position = b""
        self.in_hand.clear()
        await self._join()

    def _lose_lease(self) -> None:
        """Another has it: what was taken under it is none of ours any more."""
        if not self._lease:
            return
        _log.info("{queue}, partition {n}, is read elsewhere", queue=self.queue, n=self.partition)
        self._forget()

    def _forget(self) -> None:
        self._lease, self._position = b"", b""
        self._nonce = secrets.token_hex(8)
        self._pending.clear()
        self.in_hand.clear()

    async def _leave(self) -> None:
        if not self._client.connected:
            raise BrokerUnavailable(self._client.problem or "no connection")
        args: list[Any] = [self._broker.worker_id, self._nonce]
        await self._client.run(_RELEASE, [self._fence()], args)
        self._forget()
        await self.membership.forget(self._broker.worker_id.encode())

    # Taking --------------------------------------------------------------------------------------

    async def _take_once(self, count: int) -> list[Delivery]:
        self.wakeable.woken = False
        if not self._lease and not await self._get_lease():
            return await self._wait_for(LEASE_POLL)
        if not self._position:
            await self._load()
        if not self._lease or not self._position:
            return []
        if not self._pending:
            return await self._read_new(count)
        if self._pending[0][2]:
            return await self._next_suspect()
        return await self._next_pending(count)

    async def _wait_for(self, seconds: float) -> list[Delivery]:
        await self._wait(deferLater(self._clock, seconds))
        return []

    async def _load(self) -> None:
        """Find out what is pending: all of it is ours, and comes before what is new."""
        suspects = {id for id, _, is_suspect in self._pending if is_suspect}
        self._pending.clear()
        position, start = b"", b"-"
        while True:
            reply = await self._ask(_PENDING, start, PAGE)
            if reply[0] in (b"LOST", b"GONE"):
                await self._stop_reading(reply[0])
                return
            position = position or reply[0]
            ids, counts = reply[1::2], reply[2::2]
            for id, times in zip(ids, counts, strict=True):
                if id not in self.in_hand:
                    is_suspect = self._after_death or id in suspects
                    self._pending.append((id, times - (not is_suspect), is_suspect))
            if len(ids) < PAGE:
                break
            start = b"(" + ids[-1]
        self._position, self._after_death = position, False
        await self._forget_others()

    async def _forget_others(self) -> None:
        """Take those out of the group that read before; they hold nothing any more."""
        others = await self._client.execute("XINFO", "CONSUMERS", self._stream, GROUP)
        for name in (named(flat)[b"name"] for flat in others):
            if name != self._broker.worker_id.encode():
                await self.membership.forget(name)

    async def _next_pending(self, count: int) -> list[Delivery]:
        wanted: list[tuple[bytes, int, bool]] = []
        while self._pending and not self._pending[0][2] and len(wanted) < count:
            wanted.append(self._pending.popleft())
        lease = self._lease
        try:
            return await self._fetch(lease, wanted)
        except BaseException:
            self._position = b""
            raise

    async def _wait_for_suspect(self) -> list[Delivery]:
        self._tried = Deferred()
        late = self._clock.callLater(self._suspect_poll, self._try_next)
        self._suspect_poll = min(SUSPECT_POLL_MOST, self._suspect_poll * 2)
        await self._wait(self._tried)
        if late.active():
            late.cancel()
        return []

    def _try_next(self) -> None:
        tried, self._tried = self._tried, None
        if tried is not None and not tried.called:
            tried.callback(None)

    async def _next_suspect(self) -> list[Delivery]:
        if any(delivery.probation for delivery in self.in_hand.values()):
            return await self._wait_for_suspect()
        lease, suspect = self._lease, self._pending[0]
        self._suspect_poll = SUSPECT_POLL
        # The server counts deliveries: this one's death, should it kill us too.
        await self._client.execute(
            "XCLAIM", self._stream, GROUP, self._broker.worker_id, 0, suspect[0]
        )
        taken = await self._fetch(lease, [suspect], probation=True)
        if self._pending and self._pending[0] is suspect:
            self._pending.popleft()
        return taken

    async def _fetch(
        self, lease: bytes, wanted: Sequence[tuple[bytes, int, bool]], probation: bool = False
    ) -> list[Delivery]:
        commands = [("XRANGE", self._stream, id, id) for id, _, _ in wanted]
        replies = await self._client.execute_many(commands)
        found, gone = [], []
        for (id, deaths, _), reply in zip(wanted, replies, strict=True):
            if isinstance(reply, Exception):
                raise reply
            if not reply:
                gone.append(id)
                continue
            delivery = self._entries.delivery(lease, id, reply[0][1], max(0, deaths))
            delivery.probation = probation
            found.append(delivery)
        if gone:
            await self._client.execute("XACK", self._stream, GROUP, *gone)
        await self._notes.read(found)
        return self._hold(found) if lease == self._lease else []

    async def _read_new(self, count: int) -> list[Delivery]:
        if self._interrupted or self.wakeable.woken:
            return []
        lease = self._lease
        reply = await self._ask(_READ, count, self._position)
        if lease != self._lease:
            return []
        if reply[0] == b"NONE":
            await self._wait_for_new()
        elif reply[0] == b"BEHIND":
            self._position = b""
        elif reply[0] in (b"LOST", b"GONE"):
            await self._stop_reading(reply[0])
        else:
            return self._hold_new(lease, reply[1])
        return []

    def _hold_new(self, lease: bytes, entries: list[Any]) -> list[Delivery]:
        taken = self._entries.deliveries(lease, entries)
        self._position = entries[-1][0]
        return self._hold(taken)

    async def _wait_for_new(self) -> None:
        """Wait without taking anything, since that is for the script."""
        reading = self._reader.execute_blocking(
            *("XREAD", "COUNT", 1, "BLOCK", int(BLOCK * 1000)),
            *("STREAMS", self._stream, self._position),
            seconds=BLOCK,
        )
        await self.wakeable.wait(reading)

    async def _ask(self, script: Script, *args: Any) -> Any:
        keys = [self._stream, self._fence()]
        head: list[Any] = [GROUP, self._lease, self._broker.worker_id]
        return await self._client.run(script, keys, [*head, *args])

    # Settling ------------------------------------------------------------------------------------

    async def _settle(self, deliveries: Sequence[Delivery]) -> list[Settled]:
        results = await self._settler.settle(deliveries)
        for delivery, result in zip(deliveries, results, strict=True):
            if result not in IN_HAND:
                self._let_go([delivery])
            if result is Settled.FENCED and delivery.token == self._lease:
                self._lose_lease()
        self._try_next()
        return results

    async def _hand_back(self, deliveries: Sequence[Delivery]) -> None:
        """They stay pending, in their places: whoever reads next begins with them."""
        for delivery in deliveries:
            delivery.restart()
            self._let_go([delivery])
        self._position = b""
