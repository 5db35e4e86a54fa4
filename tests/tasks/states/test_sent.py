"""Tests of pipeline.tasks.states.sent: who waits has not sent the call."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from pipeline.errors import TaskFailed, UnknownCall
from pipeline.tasks.client import Client
from tests.tasks import jobs
from tests.tasks.states.support import StatesCase


class Elsewhere(StatesCase):
    """A handle made of an id does what the sender's does."""

    def setUp(self) -> None:
        super().setUp()
        self.other = Client(self.runtime)
        self.addCleanup(lambda: self.successResultOf(Deferred.fromCoroutine(self.other.stop())))

    def test_waits(self) -> None:
        """Its result comes when the call ends, without asking again and again."""
        self.start()
        handle = self.other.handle_of(self.send(jobs.wait).id)
        waiting = Deferred.fromCoroutine(handle.result())
        self.clock.advance(1)
        self.assertNoResult(waiting)
        jobs.gates[0].callback("there")
        for _ in range(5):
            self.clock.advance(0)
        self.assertEqual("there", self.successResultOf(waiting))
        self.assertEqual({}, self.orders())

    def test_just_ended(self) -> None:
        """A call that ends before its worker has heard that somebody waits is told of, too."""
        self.start()
        handle = self.other.handle_of(self.send(jobs.wait_kept).id)
        waiting = Deferred.fromCoroutine(handle.result())
        jobs.gates[0].callback("there")
        for _ in range(5):
            self.clock.advance(0)
        self.assertNoResult(waiting)
        self.clock.advance(1)
        self.clock.advance(0)
        self.assertEqual("there", self.successResultOf(waiting))
        self.assertEqual({}, self.orders())

    def test_ended_before(self) -> None:
        """A kept result is there at once; what was not kept, failed or was cancelled says so."""
        self.start()
        kept = self.send(jobs.kept, True)
        self.assertEqual("kept", self.now(self.other.handle_of(kept.id).result()))
        lost = self.other.handle_of(self.send(jobs.add, 1).id)
        error = self.failureResultOf(Deferred.fromCoroutine(lost.result()), UnknownCall).value
        self.assertIn("keep_result", str(error))
        failed = self.other.handle_of(self.send(jobs.flaky, 9, retries=0).id)
        error = self.failureResultOf(Deferred.fromCoroutine(failed.result()), TaskFailed).value
        self.assertIn("not yet", str(error))
