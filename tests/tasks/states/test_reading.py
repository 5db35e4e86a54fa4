"""Tests of pipeline.tasks.states.reading."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from pipeline.tasks.states.reading import calls, counts
from tests.tasks import jobs
from tests.tasks.states.support import StatesCase


class Listed(StatesCase):
    """Calls are listed, newest first, by task and by state."""

    def test_lists(self) -> None:
        """Each list has what it should."""
        self.start(retry={"attempts": 1})
        sent = [self.send(jobs.add, n) for n in range(3)]
        self.clock.advance(1)
        broken = self.send(jobs.broken)
        waiting = self.send(jobs.wait)
        self.clock.advance(1)
        later = self.send(jobs.add, 9, delay=50)

        def listed(**which: Any) -> list[str]:
            return [each.id for each in self.now(calls(self.broker, **which))]

        self.assertEqual(later.id, listed()[0])
        self.assertEqual({each.id for each in sent}, set(listed(state="finished")))
        self.assertEqual([broken.id], listed(state="failed"))
        self.assertEqual([waiting.id], listed(state="running"))
        self.assertEqual([later.id], listed(state="queued"))
        self.assertEqual([later.id], listed(task=jobs.add.name, count=1))
        self.assertEqual(6, len(listed()))
        numbers = self.now(counts(self.broker))
        self.assertEqual(
            {"live": 1, "finished": 3, "failed": 0, "cancelled": 0}, numbers[jobs.add.name]
        )
        self.failureResultOf(Deferred.fromCoroutine(calls(self.broker, state="odd")), ValueError)
