"""A foreign stream as a source, through a consumer group of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pipeline.brokers.redis.client import Script
from pipeline.errors import BrokerUnavailable, ServerRefused
from pipeline.transports.redis.entry import Entry
from pipeline.transports.redis.source import BLOCK, Source

__all__ = ["StreamSource"]

#: What a server says when the group, or the whole stream, is gone.
_GONE = frozenset({"NOGROUP", "UNBLOCKED"})
#: A consumer that holds nothing is forgotten after so many times ``claim_after``.
FORGOTTEN_AFTER = 10

# XGROUP DELCONSUMER drops what is pending for good: it is asked first, in the same step.
_FORGET = Script(
    "forget_consumer",
    "if #redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1, ARGV[2]) > 0 then return 0 end "
    "return redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2])",
)


class StreamSource(Source):
    """Reads a stream, at least once.

    Entries are acknowledged when they are stored. What a reply that was lost had brought is asked
    for again; what a process that is silent for ``claim_after`` had taken is taken over. There may
    be many processes.

    :param parts: as :class:`~pipeline.transports.redis.source.Source` takes them.
    :param stream: its key.
    :param group: the consumer group; made, if it isn't there.
    :param consumer: this process's name in it, unique.
    :param options: ``start``, ``claim_after``, ``delete``.
    :param count: counts what happens, by name.
    """

    def __init__(
        self, *parts: Any, stream: str, group: str, consumer: str, options: Any, count: Any
    ) -> None:
        super().__init__(*parts)
        self._stream = stream
        self._group = group
        self._consumer = consumer
        self._begin: str = options.start
        self._delete: bool = options.delete
        self._claim_after = round(options.claim_after * 1000)
        self._look_every = max(0.05, options.claim_after / 4)
        self._look_at = 0.0
        self._cursor: bytes | str = "0-0"
        self._is_unsure = True
        self._count = count

    # Taking ------------------------------------------------------------------------------------

    async def take(self) -> Sequence[Entry]:
        """See :class:`Source`."""
        if self._is_unsure:
            entries = await self._left_with_us()
            if entries:
                return entries
            self._is_unsure = False
        if self._clock.seconds() >= self._look_at:
            entries = await self._abandoned()
            if entries:
                return entries
        return await self._fresh()

    async def _fresh(self) -> Sequence[Entry]:
        if self._wakeable.woken:
            return []
        block = min(BLOCK, self._look_every)
        reply = await self._wakeable.wait(
            self._reader.execute_blocking(
                *("XREADGROUP", "GROUP", self._group, self._consumer),
                *("COUNT", self._many, "BLOCK", max(1, round(block * 1000))),
                *("STREAMS", self._stream, ">"),
                seconds=block,
            )
        )
        return self._entries(reply[0][1] if reply else [])

    async def _left_with_us(self) -> Sequence[Entry]:
        """What we have taken and not settled, as after a reply that was lost."""
        while True:
            reply = await self._client.execute(
                *("XREADGROUP", "GROUP", self._group, self._consumer),
                *("COUNT", self._many, "STREAMS", self._stream, "0"),
            )
            found = reply[0][1] if reply else []
            entries = await self._again(found)
            if entries or not found:
                return entries

    async def _abandoned(self) -> Sequence[Entry]:
        """What others took and have not settled for long."""
        reply = await self._client.execute(
            *("XAUTOCLAIM", self._stream, self._group, self._consumer, self._claim_after),
            *(self._cursor, "COUNT", self._many),
        )
        self._cursor = reply[0]
        if self._cursor == b"0-0":
            self._look_at = self._clock.seconds() + self._look_every
            await self._forget_others()
        # A server of before 7.0 doesn't say which entries were deleted; they are ours now.
        self._is_unsure = None in reply[1]
        return await self._again([each for each in reply[1] if each is not None])

    async def _again(self, found: Sequence[Any]) -> Sequence[Entry]:
        """Of what was taken before, what is still there; what was deleted meanwhile is settled."""
        gone = [id for id, flat in found if flat is None]
        if gone:
            await self._client.execute("XACK", self._stream, self._group, *gone)
        entries = self._entries([each for each in found if each[1] is not None])
        self._count("redelivered", len(entries))
        return entries

    def _entries(self, found: Sequence[Any]) -> Sequence[Entry]:
        entries = [
            Entry(self._stream, id.decode(), tuple(zip(flat[::2], flat[1::2], strict=True)))
            for id, flat in found
        ]
        self.fit(entries)
        self._count("read", len(entries))
        return entries

    # Settling ----------------------------------------------------------------------------------

    async def settle(self, entries: Sequence[Entry]) -> None:
        """See :class:`Source`."""
        ids = [entry.id for entry in entries]
        commands: list[tuple[Any, ...]] = [("XACK", self._stream, self._group, *ids)]
        if self._delete:
            # First, since what is deleted and still pending is found, but not the other way.
            commands.insert(0, ("XDEL", self._stream, *ids))
        for reply in await self._client.execute_many(commands):
            if isinstance(reply, ServerRefused):
                raise reply

    async def keep(self, entries: Sequence[Entry]) -> None:
        """See :class:`Source`: who claims by idle time must not find them idle."""
        ids = [entry.id for entry in entries]
        await self._client.execute(
            "XCLAIM", self._stream, self._group, self._consumer, 0, *ids, "JUSTID"
        )

    async def recover(self, error: Exception) -> bool:
        """See :class:`Source`. A reply that is lost leaves what it had brought pending with us."""
        self._is_unsure = True
        if getattr(error, "code", "") not in _GONE:
            return False
        try:
            await self._client.execute(
                "XGROUP", "CREATE", self._stream, self._group, self._begin, "MKSTREAM"
            )
        except ServerRefused as refused:
            if refused.code != "BUSYGROUP":
                raise
        # If it is lost, nobody knows how far it had come.
        self._begin = "0"
        return True

    # Besides -----------------------------------------------------------------------------------

    async def leave(self) -> None:
        """See :class:`Source`."""
        if self._client.connected:
            await self._client.run(_FORGET, [self._stream], [self._group, self._consumer])

    async def _forget_others(self) -> None:
        """Processes come and go: those that are long gone, with nothing left, are forgotten."""
        try:
            consumers = await self._client.execute("XINFO", "CONSUMERS", self._stream, self._group)
            for flat in consumers:
                told = dict(zip(flat[::2], flat[1::2], strict=True))
                is_idle = told[b"idle"] > FORGOTTEN_AFTER * self._claim_after
                if is_idle and not told[b"pending"] and told[b"name"] != self._consumer.encode():
                    await self._client.run(_FORGET, [self._stream], [self._group, told[b"name"]])
        except ServerRefused as error:
            # Not allowed, or no stream any more: nothing that reading needs.
            self._log.debug("consumers can't be looked at: {error}", error=error)

    async def measure(self) -> None:
        """See :class:`Source`: ``pending``, and ``lag`` where the server knows it (7.0)."""
        try:
            groups = await self._client.execute("XINFO", "GROUPS", self._stream)
        except (BrokerUnavailable, ServerRefused):
            return
        for flat in groups:
            told = dict(zip(flat[::2], flat[1::2], strict=True))
            if told[b"name"] == self._group.encode():
                self.figures["pending"] = told[b"pending"]
                if isinstance(told.get(b"lag"), int):
                    self.figures["lag"] = told[b"lag"]
