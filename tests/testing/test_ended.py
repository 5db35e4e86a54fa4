"""Tests of pipeline.testing.ended."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from pipeline.signals import task_cancelled, task_failed, task_finished
from pipeline.tasks.current import CurrentTask
from pipeline.testing.ended import EndedCalls
from tests.testing.jobs import double, heavy


def call(id: str = "1", worker: str = "mine", **fields: object) -> CurrentTask:
    """A call that has ended."""
    return CurrentTask(id=id, name="t", worker=worker, **fields)  # type: ignore[arg-type]


class Ended(SynchronousTestCase):
    """What signals tell of calls."""

    def setUp(self) -> None:
        self.ended = EndedCalls()
        self.ended.workers.add("mine")
        self.ended.open()
        self.addCleanup(self.ended.close)

    def test_states(self) -> None:
        """Each state has its list, in order."""
        task_finished.send(double, call=call("1", args=[1]), value=2)
        task_failed.send(double, call=call("2"), error=KeyError("k"))
        task_failed.send("gone", call=call("3"), error="no task")
        task_cancelled.send(double, call=call("4"), error="expired")
        self.assertEqual([2], [each.result for each in self.ended.that("finished")])
        raised, told = self.ended.that("failed")
        self.assertIn("KeyError", raised.traceback or "")
        self.assertEqual(("3", "no task", None), (told.id, told.error, told.traceback))
        self.assertEqual(["expired"], [each.error for each in self.ended.that("cancelled")])
        self.assertEqual(4, len(self.ended))

    def test_last_counts(self) -> None:
        """Of two ends of a call the last counts: the first was not settled."""
        task_finished.send(double, call=call(), value=2)
        task_cancelled.send(double, call=call())
        self.assertEqual((1, []), (len(self.ended), self.ended.that("finished")))

    def test_others(self) -> None:
        """Calls of other workers, and those after the end, are not kept."""
        task_finished.send(double, call=call(worker="other"), value=2)
        self.ended.close()
        task_finished.send(double, call=call(), value=2)
        self.assertEqual(0, len(self.ended))

    def test_unfit(self) -> None:
        """Arguments that don't fit are as they travelled."""
        task_failed.send(heavy, call=call(args=["no uuid"]), error="unfit")
        self.assertEqual(["no uuid"], self.ended.that("failed")[0].args)
