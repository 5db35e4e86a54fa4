"""Conditions on a status."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipeline.cli.alarms import Alarm


def status() -> dict[str, Any]:
    """Two queues and three workers."""
    counts = {"waiting": 3, "in_hand": 0, "delayed": 1, "dead": 0}
    queues = [
        {"queue": "a.inbound", **counts, "oldest_age": 61.5},
        {"queue": "b.inbound", **counts, "oldest_age": None},
    ]
    return {"queues": queues, "workers": [{"state": s} for s in ("alive", "late", "dead")]}


class Alarms(SynchronousTestCase):
    def test_raised(self) -> None:
        """A condition that holds is told with the value; of one queue, of all, of workers."""
        raised = {
            "waiting>5": "waiting>5: it is 6",
            "a.inbound:waiting >= 3": "a.inbound:waiting >= 3: it is 3",
            "oldest>60": "oldest>60: it is 61.5",
            "dead=0": "dead=0: it is 0",
            "late>0": "late>0: it is 1",
            "gone>0": "gone>0: it is 1",
            "alive<2": "alive<2: it is 1",
            "no.such:waiting<=0": "no.such:waiting<=0: it is 0",
        }
        for text, said in raised.items():
            self.assertEqual(said, Alarm.parse(text).raised_by(status()))

    def test_quiet(self) -> None:
        """One that doesn't hold says nothing."""
        for text in ("waiting>6", "b.inbound:oldest>0", "dead>0", "late>=2", "alive<1"):
            self.assertEqual("", Alarm.parse(text).raised_by(status()))

    def test_wrong(self) -> None:
        """What is none is an error that says what would be."""
        for text in ("", "dead", "dead>", "dead>x", "dread>0", "a.inbound:late>0", "dead!0"):
            with self.assertRaises(ValueError) as caught:
                Alarm.parse(text)
            self.assertIn(repr(text), str(caught.exception))
