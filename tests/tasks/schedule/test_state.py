"""Tests of pipeline.tasks.schedule.state."""

from __future__ import annotations

from datetime import UTC, datetime

from twisted.internet.defer import Deferred

from pipeline.store import Store
from pipeline.tasks.schedule.state import EntryState, parsed, read_schedule, schedule_key
from tests.workers import WorkerCase


class States(WorkerCase):
    """How far entries have come can be read."""

    def test_read(self) -> None:
        """Each by its name; what can't be read is left out."""
        state = EntryState(position=60_000, when="every 60 s", due=120_000, fired=60_000)
        store = Store(self.broker.reader(0))
        key = schedule_key("work")
        store.hset(key, {"b": state.encoded(), "a": b'{"position": "soon"}', "c": b"\xff"})
        self.successResultOf(Deferred.fromCoroutine(store.commit()))
        found = self.successResultOf(Deferred.fromCoroutine(read_schedule(self.broker, "work")))
        self.assertEqual({"b": state}, found)
        self.assertEqual(datetime(1970, 1, 1, 0, 1, tzinfo=UTC), found["b"].fired_at)
        self.assertEqual(datetime(1970, 1, 1, 0, 2, tzinfo=UTC), found["b"].due_at)

    def test_times(self) -> None:
        """There may be no call yet, and no next slot."""
        state = EntryState(position=0, when="")
        self.assertEqual((None, None), (state.fired_at, state.due_at))

    def test_parsed(self) -> None:
        """What a later version adds does no harm; nothing is nothing."""
        text = b'{"position": 5, "when": "every 60 s", "new": true}'
        self.assertEqual(EntryState(position=5, when="every 60 s"), parsed(text))
        self.assertIsNone(parsed(None))
