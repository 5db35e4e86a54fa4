"""What an operator sees of a namespace on a Redis server, and may do there."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec
from twisted.internet.defer import Deferred
from zope.interface import implementer

from pipeline.brokers.redis.layout import GROUP, Layout
from pipeline.brokers.redis.patience import ask_at_once, run_patiently
from pipeline.brokers.redis.pausing import pauses_in
from pipeline.brokers.redis.place import RedisPlace
from pipeline.brokers.redis.script import Script
from pipeline.interfaces import IOverseer
from pipeline.operating import Pause, QueueSeen, WorkerSeen, checked_pause

if TYPE_CHECKING:
    from pipeline.brokers.redis.broker import RedisBroker

__all__ = ["RedisOverseer"]

_LOOK = Script.load("position.lua", "look.lua")
_PAUSE = Script.load("pause.lua")
#: At how many queues one script looks: it meets the first and last message of each, which may be
#: large, and nobody shall wait long for the server.
AT_ONCE = 20


@implementer(IOverseer)
class RedisOverseer:
    """Looks at all partitions; nothing here is kept between two looks.

    :param broker: whose namespace it is.
    """

    def __init__(self, broker: RedisBroker) -> None:
        self._broker = broker
        self._client = broker.client

    # Looking -----------------------------------------------------------------------------------

    def workers(self) -> Deferred[list[WorkerSeen]]:
        """See :meth:`pipeline.interfaces.IOverseer.workers`."""
        return Deferred.fromCoroutine(self._workers())

    async def _workers(self) -> list[WorkerSeen]:
        at = self._broker.layouts[0]
        beats, cards, gone = await ask_at_once(
            self._client,
            ("ZRANGE", at.beats, 0, -1, "WITHSCORES"),
            ("HGETALL", at.cards),
            ("ZRANGE", at.gone, 0, -1, "WITHSCORES"),
        )
        known = dict(zip(cards[::2], cards[1::2], strict=True))
        seen = [
            _worker(id, float(beat), known.get(id, b""))
            for id, beat in zip(beats[::2], beats[1::2], strict=True)
        ]
        return seen + _dead(gone, living={each.id for each in seen})

    def queues(self) -> Deferred[list[str]]:
        """See :meth:`pipeline.interfaces.IOverseer.queues`."""
        return Deferred.fromCoroutine(self._queues())

    async def _queues(self) -> list[str]:
        replies = await ask_at_once(
            self._client, *(("SMEMBERS", at.queues) for at in self._broker.layouts)
        )
        return sorted({_text(name) for names in replies for name in names})

    def look(self, queues: Sequence[str]) -> Deferred[list[QueueSeen]]:
        """See :meth:`pipeline.interfaces.IOverseer.look`."""
        return Deferred.fromCoroutine(self._look(queues))

    async def _look(self, queues: Sequence[str]) -> list[QueueSeen]:
        seen: dict[tuple[str, int], QueueSeen] = {}
        for partition, layout in enumerate(self._broker.layouts):
            for some in _batches(queues):
                replies = await self._client.run(_LOOK, _keys(layout, some), [GROUP])
                for queue, reply in zip(some, replies, strict=True):
                    seen[queue, partition] = _queue(queue, partition, reply)
        return [seen[queue, n] for queue in queues for n in range(self._broker.partitions)]

    # Pauses ------------------------------------------------------------------------------------

    def pauses(self) -> Deferred[list[Pause]]:
        """See :meth:`pipeline.interfaces.IOverseer.pauses`."""
        return self._client.execute("HGETALL", self._pauses).addCallback(pauses_in)

    def pause(self, queue: str, by: str, reason: str = "") -> Deferred[bool]:
        """See :meth:`pipeline.interfaces.IOverseer.pause`.

        :raise ValueError: a name or text is too long.
        """
        checked_pause(queue, by, reason)
        return Deferred.fromCoroutine(self._pause(queue, by, reason))

    async def _pause(self, queue: str, by: str, reason: str) -> bool:
        offset = self._broker.time_offset_ms
        args = [queue, offset, json.dumps(by), json.dumps(reason)]
        reply, lost = await run_patiently(
            self._client, self._broker.clock, _PAUSE, [self._pauses], args
        )
        return bool(reply or lost)

    def resume(self, queue: str) -> Deferred[bool]:
        """See :meth:`pipeline.interfaces.IOverseer.resume`."""
        return self._client.execute("HDEL", self._pauses, queue).addCallback(bool)

    @property
    def _pauses(self) -> bytes:
        return self._broker.layouts[0].pauses

    # Messages ----------------------------------------------------------------------------------

    def place(self, queue: str, partition: int = 0) -> RedisPlace:
        """See :meth:`pipeline.interfaces.IOverseer.place`."""
        return RedisPlace(self._broker, queue, partition)


def _keys(layout: Layout, queues: Sequence[str]) -> list[bytes]:
    return [
        key
        for queue in queues
        for key in (layout.stream(queue), layout.delayed(queue), layout.dead(queue))
    ]


def _batches(queues: Sequence[str]) -> Iterator[list[str]]:
    rest = iter(queues)
    while some := list(islice(rest, AT_ONCE)):
        yield some


def _queue(queue: str, partition: int, reply: list[Any]) -> QueueSeen:
    length, pending, delayed, dead, first, due, added, *readers = reply
    return QueueSeen(
        queue,
        partition,
        max(0, length - pending),
        pending,
        delayed,
        dead,
        int(first.partition(b"-")[0]) if first else None,
        int(float(due)) if due else None,
        int(added) if added else None,
        {_text(name): held for name, held in zip(readers[::2], readers[1::2], strict=True)},
    )


def _worker(id: bytes, beat: float, card: bytes) -> WorkerSeen:
    since, _, about = card.partition(b" ")
    try:
        told = msgspec.json.decode(about, type=_Card)
    except msgspec.DecodeError:
        told = _Card()
    at = int(since) if since.isdigit() else 0
    return WorkerSeen(_text(id), told.workers, told.host, told.pid, at, int(beat))


class _Card(msgspec.Struct):
    """What a worker says of itself."""

    workers: tuple[str, ...] = ()
    host: str = ""
    pid: int = 0


def _dead(gone: list[bytes], living: set[str]) -> list[WorkerSeen]:
    """Those that died lately; one that was only taken for dead beats again."""
    seen = []
    for told, died in zip(gone[::2], gone[1::2], strict=True):
        id, beat, card = told.split(b" ", 2)
        worker = _worker(id, float(beat), card)
        if worker.id not in living:
            seen.append(worker._replace(died=int(float(died))))
    return seen


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")
