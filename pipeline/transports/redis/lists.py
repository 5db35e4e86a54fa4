"""A foreign list as a source: what is taken lies in a list of the taker's until it is stored.

Every item that was taken has a number, counted in the processing list that it lies in. So two equal
items are two messages, and one that is taken over from a dead process is the same message again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pipeline.brokers.redis.client import Script
from pipeline.errors import BrokerUnavailable, ServerRefused
from pipeline.transports.redis.entry import Entry
from pipeline.transports.redis.source import BLOCK, Source

__all__ = ["ListSource"]

# KEYS  1 the list, 2 the taker's processing list, 3 the register of takers
# ARGV  1 the taker, 2 how many it may have in hand, 3 which end, 4 whether to take more
# Reply: the number of the first item in hand, and the items in hand.
# A removal comes first: the server allows it at its memory limit, and then allows the rest. The
# first number is the time in us, so that none is ever given twice.
_TAKE = Script(
    "take_items",
    """
redis.call('HDEL', KEYS[3], '')
if ARGV[4] == '1' then
    if redis.call('HEXISTS', KEYS[3], 'n:' .. ARGV[1]) == 0 then
        local t = redis.call('TIME')
        redis.call('HSET', KEYS[3], 'n:' .. ARGV[1], string.format('%.0f', t[1] * 1000000 + t[2]))
    end
    redis.call('HINCRBY', KEYS[3], 'b:' .. ARGV[1], 1)
    for _ = redis.call('LLEN', KEYS[2]) + 1, tonumber(ARGV[2]) do
        if not redis.call('LMOVE', KEYS[1], KEYS[2], ARGV[3], 'RIGHT') then break end
    end
end
return {redis.call('HGET', KEYS[3], 'n:' .. ARGV[1]) or '',
        redis.call('LRANGE', KEYS[2], 0, ARGV[2] - 1)}
""",
)

# KEYS  1 the processing list, 2 the register
# ARGV  1 the taker, 2 the number of its first item as it was seen, 3 how many are stored
# One that comes late, or twice, takes nothing away that is not stored.
_STORED = Script(
    "stored_items",
    """
if redis.call('HGET', KEYS[2], 'n:' .. ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('LTRIM', KEYS[1], ARGV[3], -1)
redis.call('HINCRBY', KEYS[2], 'n:' .. ARGV[1], ARGV[3])
return 1
""",
)

# KEYS  1 the processing list, 2 the register
# ARGV  1 the taker, 2 its beat as last seen, '' when it says good-bye itself
_LEAVE = Script(
    "leave_list",
    """
if ARGV[2] ~= '' and redis.call('HGET', KEYS[2], 'b:' .. ARGV[1]) ~= ARGV[2] then return 0 end
if redis.call('LLEN', KEYS[1]) == 0 then
    redis.call('HDEL', KEYS[2], 'b:' .. ARGV[1], 'n:' .. ARGV[1])
    return 1
end
if ARGV[2] == '' then redis.call('HSET', KEYS[2], 'b:' .. ARGV[1], 0) end
return 0
""",
)

#: The beat of who has said good-bye and left something.
_GONE = b"0"


class ListSource(Source):
    """Reads a list, at least once.

    :param parts: as :class:`~pipeline.transports.redis.source.Source` takes them.
    :param key: the list's key.
    :param consumer: this process's name, unique.
    :param options: ``side``, ``processing``, ``claim_after``.
    :param count: counts what happens, by name.
    """

    def __init__(self, *parts: Any, key: str, consumer: str, options: Any, count: Any) -> None:
        super().__init__(*parts)
        self._key = key
        self._consumer = consumer
        self._register = options.processing or f"{key}:processing"
        self._side = options.side.upper()
        self._claim_after: float = options.claim_after
        self._look_at = 0.0
        self._first: bytes = b""
        self._owner = consumer
        #: Taker -> its beat, and since when by our own clock it has not changed.
        self._beats: dict[str, tuple[bytes, float]] = {}
        self._count = count

    def _processing(self, consumer: str) -> str:
        return f"{self._register}:{consumer}"

    # Taking ------------------------------------------------------------------------------------

    async def take(self) -> Sequence[Entry]:
        """See :class:`Source`."""
        if self._clock.seconds() >= self._look_at:
            entries = await self._abandoned()
            if entries:
                return entries
        entries = await self._items(self._consumer, more=True)
        if not entries:
            await self._wait()
            entries = await self._items(self._consumer, more=True)
        return entries

    async def _items(self, owner: str, more: bool) -> Sequence[Entry]:
        place = self._processing(owner)
        self._owner = owner
        self._first, items = await self._client.run(
            _TAKE,
            [self._key, place, self._register],
            [owner, self._many, self._side, int(more)],
        )
        if not self._first:
            return []
        first = int(self._first)
        self._count("read", len(items))
        entries = [Entry(self._key, f"{place}/{first + n}", item) for n, item in enumerate(items)]
        self.fit(entries)
        return entries

    async def _wait(self) -> None:
        """Until something is there: it is in our processing list then."""
        if self._wakeable.woken:
            return
        seconds = min(BLOCK, self._claim_after / 4)
        mine = self._processing(self._consumer)
        await self._wakeable.wait(
            self._reader.execute_blocking(
                *("BLMOVE", self._key, mine, self._side, "RIGHT", f"{seconds:.3f}"),
                seconds=seconds,
            )
        )

    async def _abandoned(self) -> Sequence[Entry]:
        """What a process had taken that is dead by now."""
        flat = await self._client.execute("HGETALL", self._register)
        told = {k.decode(): v for k, v in zip(flat[::2], flat[1::2], strict=True)}
        beats = {name[2:]: beat for name, beat in told.items() if name.startswith("b:")}
        now = self._clock.seconds()
        self._beats = {
            taker: self._beats[taker] if self._beats.get(taker, (b"",))[0] == beat else (beat, now)
            for taker, beat in beats.items()
            if taker != self._consumer
        }
        for taker, (beat, since) in self._beats.items():
            if beat == _GONE or now - since >= self._claim_after:
                entries = await self._items(taker, more=False)
                if entries:
                    self._count("redelivered", len(entries))
                    return entries
                await self._client.run(
                    _LEAVE, [self._processing(taker), self._register], [taker, beat]
                )
        self._look_at = now + self._claim_after / 4
        return []

    # Settling ----------------------------------------------------------------------------------

    async def settle(self, entries: Sequence[Entry]) -> None:
        """See :class:`Source`."""
        await self._client.run(
            _STORED,
            [self._processing(self._owner), self._register],
            [self._owner, self._first, len(entries)],
        )

    async def keep(self, entries: Sequence[Entry]) -> None:
        """See :class:`Source`: a beat."""
        await self._client.execute("HINCRBY", self._register, f"b:{self._consumer}", 1)

    async def recover(self, error: Exception) -> bool:
        """See :class:`Source`. Who could not look for a while has not seen others beat."""
        self._beats.clear()
        return False

    # Besides -----------------------------------------------------------------------------------

    async def leave(self) -> None:
        """See :class:`Source`: what is left others take over at once."""
        if self._client.connected:
            mine = self._processing(self._consumer)
            await self._client.run(_LEAVE, [mine, self._register], [self._consumer, ""])

    async def measure(self) -> None:
        """See :class:`Source`: ``lag``, what waits in the list; ``pending``, what we hold."""
        mine = self._processing(self._consumer)
        commands = [("LLEN", self._key), ("LLEN", mine)]
        try:
            lag, pending = await self._client.execute_many(commands)
        except BrokerUnavailable:
            return
        if not isinstance(lag, ServerRefused) and not isinstance(pending, ServerRefused):
            self.figures.update(lag=lag, pending=pending)
