"""Tests of pipeline.tasks.states.tracked."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from pipeline.delivery import Delivery
from pipeline.tasks.current import CurrentTask
from pipeline.tasks.states.status import Progress
from pipeline.tasks.states.tracked import Tracked

CALL = CurrentTask(id="1", name="t", queue="q", worker="w", attempt=2, enqueued=5000)


class Tracking(SynchronousTestCase):
    """One run, as it is kept."""

    def setUp(self) -> None:
        self.changed: list[Tracked] = []
        delivery = Delivery("q.inbound", b"1-0", b"", partition=3)
        self.tracked = Tracked("task", CALL, delivery, 7.0, self.changed.append)

    def test_report(self) -> None:
        """What is reported last is what is kept, and somebody is told that there is something."""
        for n in (1, 2):
            self.tracked.report(Progress(n))
        self.assertEqual([self.tracked] * 2, self.changed)
        self.assertEqual(Progress(2), self.tracked.run().progress)

    def test_record(self) -> None:
        """The record has the call's times, attempt and worker."""
        record = self.tracked.record("finished")
        self.assertEqual(("finished", "t", "q", 5.0), tuple(map(record.__getattribute__, _FIRST)))
        self.assertEqual((2, 7.0, "w"), (record.attempts, record.started_at, record.worker))
        self.assertEqual(3, self.tracked.partition)

    def test_had_runs(self) -> None:
        """A first run that was too short to be noted has left nothing behind."""
        self.assertTrue(self.tracked.had_runs)
        first = CurrentTask(id="1", name="t")
        tracked = Tracked("task", first, Delivery("q", b"1-0", b""), 7.0, None)
        self.assertFalse(tracked.had_runs)
        tracked.is_noted = True
        self.assertTrue(tracked.had_runs)


_FIRST = ("state", "task", "queue", "queued_at")
