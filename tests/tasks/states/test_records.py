"""Tests of pipeline.tasks.states.records."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pipeline.brokers.memory import MemoryBroker
from pipeline.store import Store
from pipeline.tasks.states.reading import status_of
from pipeline.tasks.states.records import LIVE, Record, RunRecord, Writes, index_of
from pipeline.tasks.states.status import AbortedRun, TaskStatus

BOUND = "t"


class Records(SynchronousTestCase):
    """What is written is what is read."""

    def setUp(self) -> None:
        self.broker = MemoryBroker(Clock())
        self.broker.start()
        self.writes = Writes(60)
        self.record = Record("queued", BOUND, "q", 1.0, reply="me")

    def do(self, *writes: Any) -> None:
        """Commit writes."""
        store = Store(self.broker.reader())
        store.writes += writes
        self.successResultOf(Deferred.fromCoroutine(store.commit()))

    def status(self) -> TaskStatus:
        """What is read of the call."""
        status: TaskStatus = self.successResultOf(
            Deferred.fromCoroutine(status_of(self.broker, "1"))
        )
        return status

    def listed(self, index: str) -> int:
        """How many calls an index has."""
        counting = Store(self.broker.reader()).zcard(index_of(BOUND, index))
        count: int = self.successResultOf(Deferred.fromCoroutine(counting))
        return count

    def test_life(self) -> None:
        """From queued over running and broken off to its end; and which index has it."""
        self.do(*self.writes.live("1", self.record))
        self.assertEqual(("queued", 1, 0), (self.status().state, self.listed(LIVE), 0))
        self.do(self.writes.running("1", RunRecord(1, "w", 2.0)))
        self.assertEqual(("running", "w", 2.0), _run(self.status()))
        self.do(*self.writes.aborted("1", AbortedRun(2.0, "w", "gone")))
        self.assertEqual(("queued", "", None), _run(self.status()))
        self.assertEqual([AbortedRun(2.0, "w", "gone")], self.status().aborted_runs)
        self.record.state, self.record.ended_at = "finished", 9.0
        self.do(*self.writes.ended("1", self.record, had_runs=True))
        self.assertEqual(("finished", 9.0), (self.status().state, self.status().ended_at))
        self.assertEqual((0, 1), (self.listed(LIVE), self.listed("finished")))
        self.assertEqual(1, len(self.status().aborted_runs))

    def test_old_run(self) -> None:
        """A run that was noted before a retry doesn't hide it."""
        self.record.state, self.record.attempts = "retrying", 2
        self.do(*self.writes.live("1", self.record), self.writes.running("1", RunRecord(1, "w", 2)))
        self.assertEqual("retrying", self.status().state)
        self.do(self.writes.running("1", RunRecord(2, "w", 3)), self.writes.runs_no_more("1"))
        self.assertEqual("retrying", self.status().state)


def _run(status: TaskStatus) -> tuple[Any, ...]:
    return status.state, status.worker, status.started_at
