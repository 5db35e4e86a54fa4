"""Dead letters as an operator meets them: looked through, put back, mended, taken away."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, islice
from typing import Any

from twisted.internet.defer import Deferred
from zope.interface import implementer

from pipeline.brokers.redis.client import Client, Script
from pipeline.brokers.redis.layout import Layout
from pipeline.brokers.redis.patience import ask_patiently, run_patiently
from pipeline.delivery import DeadLetterEntry
from pipeline.interfaces import IDeadLetters

__all__ = ["RedisDeadLetters", "dead_queues"]

_REQUEUE = Script.load("receipt.lua", "requeue.lua")
_PURGE = Script.load("receipt.lua", "purge.lua")
_EDIT = Script.load("receipt.lua", "edit.lua")
_PAGE = Script.load("page.lua")
_REASONS = Script.load("reasons.lua")
#: How many letters one script moves, or counts, so that nobody waits long for the server.
MOVED_AT_ONCE, COUNTED_AT_ONCE = 100, 1000
#: How many bytes end a page, so that large letters don't fill the memory.
PAGE_BYTES = 1024 * 1024
#: Milliseconds that the answer to an order is kept for who asks again.
RECEIPT_TTL = 600_000
#: How many keys one step of a search for queues looks at.
SCANNED_AT_ONCE = 1000


@implementer(IDeadLetters)
class RedisDeadLetters:
    """The dead letters of one queue in one partition.

    Every order is sent again until its answer is known; a receipt that the server keeps makes the
    second answer the same as the first.

    :param client: the connection for commands.
    :param clock: for the pauses between tries.
    :param layout: the partition's keys.
    :param queue: the queue's name; an instance's means its connector's.
    :param offset: tells the time offset in ms that tests set.
    """

    def __init__(self, client: Client, clock: Any, layout: Layout, queue: str, offset: Any) -> None:
        self._client = client
        self._clock = clock
        self._layout = layout
        self._queue = queue.partition("@")[0]
        self._key = layout.dead(queue)
        self._offset = offset

    # Looking ----------------------------------------------------------------------------------

    def page(self, start: str = "-", count: int = 100) -> Deferred[list[DeadLetterEntry]]:
        """See :meth:`pipeline.interfaces.IDeadLetters.page`."""
        return Deferred.fromCoroutine(self._page(start, count))

    async def _page(self, start: str, count: int) -> list[DeadLetterEntry]:
        found = await self._run(_PAGE, [self._key], [start, count, PAGE_BYTES])
        return [DeadLetterEntry(id.decode(), self._queue, _named(flat)) for id, flat in found]

    def newest(self) -> Deferred[str | None]:
        """See :meth:`pipeline.interfaces.IDeadLetters.newest`."""
        return Deferred.fromCoroutine(self._newest())

    async def _newest(self) -> str | None:
        found = await self._ask("XREVRANGE", self._key, "+", "-", "COUNT", 1)
        return found[0][0].decode() if found else None

    def count(self) -> Deferred[int]:
        """See :meth:`pipeline.interfaces.IDeadLetters.count`."""
        return Deferred.fromCoroutine(self._ask("XLEN", self._key))

    def reasons(self) -> Deferred[dict[str, int]]:
        """See :meth:`pipeline.interfaces.IDeadLetters.reasons`."""
        return Deferred.fromCoroutine(self._reasons())

    async def _reasons(self) -> dict[str, int]:
        counts: dict[str, int] = {}
        start = b"-"
        while start:
            last, *flat = await self._run(_REASONS, [self._key], [start, COUNTED_AT_ONCE])
            for reason, count in zip(flat[::2], flat[1::2], strict=True):
                name = reason.decode("utf-8", "replace")
                counts[name] = counts.get(name, 0) + count
            start = b"(" + last if last else b""
        return counts

    # Changing ---------------------------------------------------------------------------------

    def requeue(self, letters: Sequence[DeadLetterEntry]) -> Deferred[list[bool]]:
        """See :meth:`pipeline.interfaces.IDeadLetters.requeue`."""
        return Deferred.fromCoroutine(self._requeue(letters))

    async def _requeue(self, letters: Sequence[DeadLetterEntry]) -> list[bool]:
        results: list[bool] = []
        for queue, group in groupby(letters, _home):
            targets = [self._layout.stream(queue), self._layout.stream(self._queue)]
            for ids in _ids(group):
                args = [RECEIPT_TTL, self._offset(), *ids]
                results += _each(await self._order(_REQUEUE, targets, args))
        return results

    def purge(self, letters: Sequence[DeadLetterEntry]) -> Deferred[list[bool]]:
        """See :meth:`pipeline.interfaces.IDeadLetters.purge`."""
        return Deferred.fromCoroutine(self._purge(letters))

    async def _purge(self, letters: Sequence[DeadLetterEntry]) -> list[bool]:
        results: list[bool] = []
        for ids in _ids(letters):
            results += _each(await self._order(_PURGE, [], [RECEIPT_TTL, *ids]))
        return results

    def edit(self, letter: DeadLetterEntry, payload: bytes) -> Deferred[str | None]:
        """See :meth:`pipeline.interfaces.IDeadLetters.edit`."""
        return Deferred.fromCoroutine(self._edit(letter, payload))

    async def _edit(self, letter: DeadLetterEntry, payload: bytes) -> str | None:
        was = letter.fields.get("payload", b"")
        args = [RECEIPT_TTL, self._offset(), letter.id, was, payload]
        reply: bytes = await self._order(_EDIT, [], args)
        return reply.decode() or None

    # Asking -----------------------------------------------------------------------------------

    async def _order(self, script: Script, more_keys: list[bytes], args: list[Any]) -> bytes:
        receipt = self._layout.receipt(secrets.token_hex(12))
        reply: bytes = await self._run(script, [self._key, receipt, *more_keys], args)
        return reply

    async def _run(self, script: Script, keys: list[bytes], args: list[Any]) -> Any:
        reply, _ = await run_patiently(self._client, self._clock, script, keys, args)
        return reply

    async def _ask(self, *command: Any) -> Any:
        reply, _ = await ask_patiently(
            self._client, self._clock, lambda: self._client.execute(*command), "a look"
        )
        return reply


async def dead_queues(client: Client, clock: Any, layouts: Iterable[Layout]) -> list[str]:
    """The queues that have dead letters, by a search through the keys of each partition."""
    keys = {key: layout for layout in layouts async for key in _search(client, clock, layout)}
    found = set()
    for key, layout in keys.items():
        length, _ = await ask_patiently(client, clock, _command(client, "XLEN", key), "a look")
        if length:
            found.add(layout.dead_queue(key))
    return sorted(found)


async def _search(client: Client, clock: Any, layout: Layout) -> Any:
    cursor = b"0"
    while True:
        ask = _command(
            client, "SCAN", cursor, "MATCH", layout.dead("") + b"*", "COUNT", SCANNED_AT_ONCE
        )
        (cursor, keys), _ = await ask_patiently(client, clock, ask, "a search for dead letters")
        for key in keys:
            yield key
        if cursor == b"0":
            return


def _command(client: Client, *words: Any) -> Any:
    return lambda: client.execute(*words)


def _named(flat: Sequence[bytes]) -> dict[str, bytes]:
    pairs = zip(flat[::2], flat[1::2], strict=False)
    return {name.decode("utf-8", "replace"): value for name, value in pairs}


def _home(letter: DeadLetterEntry) -> str:
    """The queue that a letter came from: an instance's, or that which it lies with."""
    home = letter.fields.get("queue", b"").decode("utf-8", "replace")
    return home if home.partition("@")[0] == letter.queue else letter.queue


def _ids(letters: Iterable[DeadLetterEntry]) -> Iterator[list[str]]:
    ids = (letter.id for letter in letters)
    while some := list(islice(ids, MOVED_AT_ONCE)):
        yield some


def _each(reply: bytes) -> list[bool]:
    return [mark == 49 for mark in reply]
