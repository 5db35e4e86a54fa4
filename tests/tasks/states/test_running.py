"""Tests of pipeline.tasks.states.running."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pipeline.brokers.memory import MemoryBroker
from pipeline.delivery import Delivery
from pipeline.store import Store
from pipeline.tasks.current import CurrentTask
from pipeline.tasks.states.records import Writes, runs_key
from pipeline.tasks.states.running import NOTE_EVERY, Notes
from pipeline.tasks.states.status import Progress
from pipeline.tasks.states.tracked import Tracked


class CountingBroker(MemoryBroker):
    """Counts commits."""

    commits = 0

    def reader(self, partition: int = 0) -> Any:
        """As it is, with a commit that counts."""
        reader: Any = super().reader(partition)
        commit = reader.commit

        def counted(*given: Any) -> Any:
            self.commits += 1
            return commit(*given)

        reader.commit = counted
        return reader


class Noting(SynchronousTestCase):
    """What runs is noted a few times a second, however much happens."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.broker = CountingBroker(self.clock)
        self.broker.start()
        self.notes = Notes(Writes(60), self.broker, self.clock)

    def begin(self, call_id: str) -> Tracked:
        """A call begins."""
        call = CurrentTask(id=call_id, name="t")
        tracked = Tracked("t", call, Delivery("q", b"1-0", b""), 0.0, self.notes.changed)
        self.notes.begin(tracked)
        return tracked

    def noted(self, call_id: str) -> bool:
        """Whether it is noted that it runs."""
        reading = Store(self.broker.reader()).hgetall(runs_key(call_id))
        return bool(self.successResultOf(Deferred.fromCoroutine(reading)))

    def test_short(self) -> None:
        """Calls that are over sooner cost nothing."""
        for n in range(100):
            self.notes.end(self.begin(str(n)))
        self.clock.advance(NOTE_EVERY)
        self.assertEqual(0, self.broker.commits)
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_together(self) -> None:
        """Many calls, and all that they report meanwhile, are one commit."""
        tracked = [self.begin(str(n)) for n in range(50)]
        for each in tracked:
            for n in range(10):
                each.report(Progress(n))
        self.clock.advance(NOTE_EVERY)
        self.assertEqual(1, self.broker.commits)
        self.assertTrue(self.noted("49"))
        self.clock.advance(NOTE_EVERY)
        self.assertEqual(1, self.broker.commits)
        for each in tracked:
            self.notes.end(each)
        self.clock.advance(NOTE_EVERY)
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_stop(self) -> None:
        """At the end what is left is written."""
        self.begin("1")
        self.successResultOf(Deferred.fromCoroutine(self.notes.stop()))
        self.assertTrue(self.noted("1"))
        self.assertEqual([], self.clock.getDelayedCalls())
