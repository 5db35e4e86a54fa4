"""Tests of pipeline.tasks.announcing."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from pipeline.signals import connection_made
from pipeline.store import Store
from pipeline.tasks.announcing import PATIENCE, Announcements
from pipeline.tasks.names import ANNOUNCED_EVERY, key_of
from tests.workers import WorkerCase


class Deaf:
    """A store that never answers."""

    def hset(self, key: str, fields: object) -> None: ...

    async def commit(self) -> None:
        await Deferred()


class Announcing(WorkerCase):
    """Names are written again and again, as far as the broker lets them be."""

    def _store(self) -> Store:
        return Store(self.broker.reader(0))

    def test_writes(self) -> None:
        """The names are there at once, with the time."""
        names = Announcements("work", ["a", "b"], self._store, self.clock)
        self.successResultOf(Deferred.fromCoroutine(names.start()))
        self.addCleanup(names.stop)
        seen = self.successResultOf(Deferred.fromCoroutine(self._store().hgetall(key_of("work"))))
        self.assertEqual(
            {b"a": self.clock.seconds(), b"b": self.clock.seconds()},
            {name: float(at) for name, at in seen.items()},
        )

    def test_back(self) -> None:
        """A server that has come back, perhaps empty, has the names at once."""
        names = Announcements("work", ["a"], self._store, self.clock)
        self.successResultOf(Deferred.fromCoroutine(names.start()))
        store = self._store()
        store.hclear(key_of("work"))
        self.successResultOf(Deferred.fromCoroutine(store.commit()))
        connection_made.send_robust(self.broker)
        seen = self.successResultOf(Deferred.fromCoroutine(self._store().hgetall(key_of("work"))))
        self.assertEqual({b"a"}, set(seen))
        names.stop()
        self.assertEqual([], connection_made.send_robust(self.broker))

    def test_away(self) -> None:
        """A store that doesn't answer holds up the start only for a while, and no later time."""
        names = Announcements("work", ["a"], Deaf, self.clock)
        starting = Deferred.fromCoroutine(names.start())
        self.assertNoResult(starting)
        self.clock.advance(PATIENCE)
        self.successResultOf(starting)
        for _ in range(100):
            self.clock.advance(1)
        names.stop()
        self.clock.advance(PATIENCE)
        self.assertEqual(0, len([c for c in self.clock.getDelayedCalls() if c.func == names]))

    def test_broken(self) -> None:
        """Whatever goes wrong is logged, and the next announcement is made all the same."""
        stores: list[Any] = [self._store, lambda: 1 / 0, self._store]
        names = Announcements("work", ["a"], lambda: stores.pop(0)(), self.clock)
        self.successResultOf(Deferred.fromCoroutine(names.start()))
        self.clock.advance(ANNOUNCED_EVERY)
        self.assertEqual(1, len(self.flushLoggedErrors(ZeroDivisionError)))
        self.clock.advance(ANNOUNCED_EVERY)
        self.assertEqual([], stores)
        names.stop()
