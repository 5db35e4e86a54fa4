"""What all sources have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from pipeline.transports.redis.entry import Entry
from pipeline.transports.redis.source import FEW, MANY_BYTES, Source
from pipeline.transports.redis.trouble import Trouble
from tests.transports.redis.places import PlaceCase


class Plain(Source):
    """Takes what it is told, and remembers what was done."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self.plan: list[Any] = []
        self.settled: list[Entry] = []
        self.kept = 0
        self.has_left = False

    async def take(self) -> Sequence[Entry]:
        if not self.plan:
            await deferLater(self._clock, 0.01)
            return []
        step = self.plan.pop(0)
        if isinstance(step, Exception):
            raise step
        return [Entry("p", "1", step)]

    async def settle(self, entries: Sequence[Entry]) -> None:
        self.settled += entries

    async def keep(self, entries: Sequence[Entry]) -> None:
        self.kept += 1

    async def leave(self) -> None:
        self.has_left = True


class Store:
    """Stores at once, or when it is let."""

    def __init__(self) -> None:
        self.gate: Deferred[None] | None = None

    async def store(self, entries: Sequence[Entry]) -> None:
        if self.gate is not None:
            await self.gate


class Sources(PlaceCase):
    """A source that is told what to do."""

    async def made(self) -> Plain:
        client, reader = await self.client(), await self.client()
        self.store = Store()
        trouble = Trouble("p", self.reactor, lambda *_: None)
        source = Plain(self.store, client, reader, trouble, self.reactor, 0.05, 100)
        self.addCleanup(lambda: source.stop(0.1))
        source.start()
        return source

    async def test_settles(self) -> None:
        """What is stored is settled, and not before; meanwhile it is kept."""
        source = await self.made()
        self.store.gate = Deferred()
        source.plan = [b"x"]
        await self.until(lambda: source.kept > 1)
        self.assertEqual([], source.settled)
        self.store.gate.callback(None)
        await self.until(lambda: source.settled)

    async def test_broken(self) -> None:
        """An error that nobody thought of is logged, and reading goes on."""
        source = await self.made()
        source.plan = [ZeroDivisionError("oh"), b"x"]
        await self.until(lambda: source.settled)
        self.assertEqual(1, len(self.flushLoggedErrors(ZeroDivisionError)))

    async def test_stop(self) -> None:
        """What can't be stored until the deadline is not settled; the source takes its leave."""
        source = await self.made()
        self.store.gate = Deferred()
        source.plan = [b"x"]
        await self.until(lambda: source.kept)
        await source.stop(0.1)
        self.assertEqual((True, []), (source.has_left, source.settled))

    async def test_fit(self) -> None:
        """Few are taken at first, more as long as they are small, fewer when they are large."""
        source = await self.made()
        self.assertEqual(FEW, source._many)
        for _ in range(5):
            source.fit([Entry("p", "1", b"x")])
        self.assertEqual(100, source._many)
        for _ in range(9):
            source.fit([Entry("p", "1", b"x" * (MANY_BYTES + 1))])
        self.assertEqual(1, source._many)
