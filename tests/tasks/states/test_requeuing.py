"""Tests of pipeline.tasks.states.requeuing."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from pipeline.tasks.client import Client
from pipeline.tasks.states.reading import calls, status_of
from pipeline.tasks.states.requeuing import wait_again
from tests.applications.test_tasks import TaskCase
from tests.tasks import jobs


class Requeued(TaskCase):
    """A call whose dead letter was put back."""

    def now(self, coroutine: Any) -> Any:
        return self.successResultOf(Deferred.fromCoroutine(coroutine))

    def failed(self) -> str:
        """The id of a call that has failed."""
        self.start(retry={"attempts": 1})
        handle = self.now(Client(self.runtime).send(jobs.broken))
        for _ in range(5):
            self.clock.advance(0.5)
        self.assertEqual("failed", self.now(status_of(self.broker, handle.id)).state)
        return str(handle.id)

    def test_waits(self) -> None:
        """It is queued again, and listed so, and no more among those that failed."""
        call_id = self.failed()
        self.assertTrue(self.now(wait_again(self.broker, call_id, self.clock.seconds())))
        status = self.now(status_of(self.broker, call_id))
        self.assertEqual(("queued", 0, None), (status.state, status.attempts, status.error))
        self.assertEqual([], self.now(calls(self.broker, state="failed")))
        [listed] = self.now(calls(self.broker, state="queued"))
        self.assertEqual(call_id, listed.id)

    def test_later(self) -> None:
        """What it has come to since it was put back stays; so does what nobody knows."""
        call_id = self.failed()
        before = self.clock.seconds() - 60
        self.assertFalse(self.now(wait_again(self.broker, call_id, before)))
        self.assertEqual("failed", self.now(status_of(self.broker, call_id)).state)
        self.assertFalse(self.now(wait_again(self.broker, "nope", before)))
