"""A consumer's place in the group of its queue: its token, and what is pending for it."""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from typing import Any

from twisted.internet.defer import DeferredLock
from twisted.logger import Logger

from pipeline.brokers.redis.client import Client, Script
from pipeline.brokers.redis.entries import Entries
from pipeline.brokers.redis.layout import GROUP, Layout
from pipeline.brokers.redis.notes import Notes
from pipeline.brokers.redis.patience import run_patiently
from pipeline.delivery import Delivery
from pipeline.errors import BrokerUnavailable

__all__ = ["Membership"]

_OPEN = Script.load("open.lua")
_FORGET = Script.load("forget.lua")
_RECLAIM = Script.load("reclaim.lua")
#: Seconds between looks for replies that never arrived.
RECONCILE = 5.0
#: How many entries one script takes over, or one command lists.
AT_ONCE, PAGE = 100, 1000
_log = Logger()


class Membership:
    """What the server holds for one consumer, besides what it has in hand.

    :param client: the connection for commands.
    :param clock: tells when the next look is due.
    :param layout: the partition's keys.
    :param queue: the queue's name.
    :param name: the consumer's name.
    :param entries: makes deliveries.
    :param in_hand: ids that were taken.
    :param notes: knows of attempts that failed in hand.
    :param members: gives those of this process that read a layout's queue. They have one name in
        the group: what is pending for one is pending for all.
    """

    def __init__(
        self,
        client: Client,
        clock: Any,
        layout: Layout,
        queue: str,
        name: str,
        entries: Entries,
        in_hand: Collection[bytes],
        notes: Notes,
        members: Callable[[Layout, str], Sequence[Membership]],
    ) -> None:
        self.token = b""
        #: Deliveries whose replies were lost, to be given out next.
        self.backlog: deque[Delivery] = deque()
        #: What the dead held, id to how often it was delivered: each may have killed its worker.
        self.suspects: dict[bytes, int] = {}
        self._client = client
        self._clock = clock
        self._layout = layout
        self._queue = queue
        self._stream = layout.stream(queue)
        self._token_key = layout.token(queue)
        self._name = name
        self._entries = entries
        self._in_hand = in_hand
        self._notes = notes
        self._others = lambda: [m for m in members(layout, queue) if m is not self]
        # What a take-over is about to bring must not look like a reply that was lost.
        self._lock = DeferredLock()
        self._due = 0.0
        #: What another member may be about to get, and since when nobody has it.
        self._missed: dict[bytes, float] = {}
        self._doubtful = False
        self._left = False

    async def join(self) -> None:
        """Make the queue ready to be read; when it is another than it was, forget what was."""
        keys = [self._stream, self._token_key]
        args = [GROUP, secrets.token_hex(8), self._queue, self._name]
        if "@" not in self._queue:
            keys.append(self._layout.queues)
        token, _ = await run_patiently(self._client, self._clock, _OPEN, keys, args)
        if token != self.token:
            self.backlog.clear()
            self.suspects.clear()
        self.token = token
        self.suspect()

    async def leave(self) -> list[Delivery]:
        """Give back what is to be handed back before :meth:`forget`."""
        self._left = True
        async with self._lock:
            if not self._others():
                await self._look(self._client)
            left = [*self.backlog, *await self._fetch(self.suspects)]
        self.backlog.clear()
        self.suspects.clear()
        return left

    async def forget(self, name: bytes) -> bool:
        """Take a consumer out of the group; False when it still holds something."""
        return bool(await self._client.run(_FORGET, [self._stream], [GROUP, name]))

    # Lost replies --------------------------------------------------------------------------------

    def suspect(self) -> None:
        """A reply may have been lost: look at the next occasion."""
        for member in [self, *self._others()]:
            member._due = 0.0

    async def reconcile(self, reader: Client) -> None:
        """Find again, now and then, what the server thinks we have and we don't.

        :param reader: the connection of the reads. It is asked between two of them, so that what
            a read is about to bring is never mistaken for lost.
        """
        if self._clock.seconds() < self._due:
            return
        async with self._lock:
            await self._look(reader)
        self._due = self._clock.seconds() + RECONCILE

    async def _look(self, client: Client) -> None:
        others = self._others()
        members = [self, *others]
        lost = await self._unknown(client, members)
        if others:
            lost = self._missed_for_long(lost)
        if not lost:
            return
        if any(member._doubtful for member in members):
            self.suspects.update(lost)
        else:
            found, held = await self._fetch(lost), _held(others)
            self.backlog += [delivery for delivery in found if delivery.id not in held]
        for member in members:
            member._doubtful = False

    async def _unknown(self, client: Client, members: Sequence[Membership]) -> dict[bytes, int]:
        known = _held(members)
        lost: dict[bytes, int] = {}
        start = b"-"
        while True:
            page = await client.execute(
                "XPENDING", self._stream, GROUP, start, "+", PAGE, self._name
            )
            lost |= {entry[0]: entry[3] for entry in page if entry[0] not in known}
            if len(page) < PAGE:
                break
            start = b"(" + page[-1][0]
        known = _held(members) if lost else known
        return {id: times for id, times in lost.items() if id not in known}

    def _missed_for_long(self, lost: dict[bytes, int]) -> dict[bytes, int]:
        """Those that no member has got in the meantime: a reply to another may be under way."""
        now = self._clock.seconds()
        self._missed = {id: self._missed.get(id, now) for id in lost}
        return {id: n for id, n in lost.items() if now - self._missed[id] >= RECONCILE}

    async def _fetch(self, ids: Iterable[bytes]) -> list[Delivery]:
        wanted, found = list(ids), []
        for start in range(0, len(wanted), PAGE):
            found += await self._fetch_page(wanted[start : start + PAGE])
        return found

    async def _fetch_page(self, ids: list[bytes]) -> list[Delivery]:
        replies = await self._client.execute_many([("XRANGE", self._stream, i, i) for i in ids])
        found, gone = [], []
        for id, reply in zip(ids, replies, strict=True):
            if isinstance(reply, list) and reply:
                deaths = self.suspects.get(id, 0)
                found.append(self._entries.delivery(self.token, id, reply[0][1], deaths))
            elif reply == []:
                gone.append(id)
        if gone:
            await self._client.execute("XACK", self._stream, GROUP, *gone)
        await self._notes.read(found)
        return found

    # What the dead held --------------------------------------------------------------------------

    async def take_over_all(
        self, dead: bytes, beat: bytes, wake: Callable[[], Awaitable[None]]
    ) -> None:
        """Take over all that a dead consumer holds, and forget it.

        :param beat: as of :meth:`take_over`.
        :param wake: has the consumer look at what there is.
        """
        while True:
            count = await self.take_over(dead, beat)
            if count < 0:
                return
            if count == 0:
                break
            _log.warn(
                "took over {n} messages of {queue} from {dead}, which is dead",
                n=count,
                queue=self._queue,
                dead=dead.decode("utf-8", "replace"),
            )
            await wake()
        await self.forget(dead)

    async def take_over(self, dead: bytes, beat: bytes) -> int:
        """Take over what a dead consumer holds, so many at a time.

        :param beat: the last that was seen of it; b"" for nothing.
        :return: how many there were; -1 when it lives, or is not ours to judge.
        """
        async with self._lock:
            if self._left:
                return -1
            keys = [self._stream, self._layout.beats, self._token_key]
            args: list[Any] = [GROUP, dead, beat, self._name, AT_ONCE, self.token]
            try:
                reply = await self._client.run(_RECLAIM, keys, args)
            except BrokerUnavailable:
                self._doubtful = True
                self.suspect()
                raise
            if reply not in ([b"ALIVE"], [b"FENCED"]):
                self.suspects.update(zip(reply[::2], reply[1::2], strict=True))
                return len(reply) // 2
        if reply == [b"FENCED"]:
            await self.join()
        return -1

    async def next_suspect(self, reader: Client) -> list[Delivery]:
        """The next that may have killed its worker, to be handled on probation."""
        id, deaths = next(iter(self.suspects.items()))
        reply = await reader.execute("XCLAIM", self._stream, GROUP, self._name, 0, id)
        self.suspects.pop(id, None)
        if not reply or reply[0] is None:
            return []
        delivery = self._entries.delivery(self.token, id, reply[0][1], deaths)
        delivery.probation = True
        await self._notes.read([delivery])
        return [delivery]


def _held(members: Iterable[Membership]) -> set[bytes]:
    held: set[bytes] = set()
    for member in members:
        held.update(member._in_hand, member.suspects, (d.id for d in member.backlog))
    return held
