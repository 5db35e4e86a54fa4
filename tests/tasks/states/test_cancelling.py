"""Tests of pipeline.tasks.states.cancelling: through a task application in memory."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from pipeline.brokers.memory import MemoryBroker
from pipeline.errors import TaskFailed, UnknownCall
from pipeline.tasks.handle import TaskHandle
from tests.tasks import jobs
from tests.tasks.states.support import StatesCase


class Cancelling(StatesCase):
    """A call is cancelled, or it has ended: never both."""

    def result(self, handle: TaskHandle) -> TaskFailed:
        """The error of a call that was cancelled."""
        waiting = Deferred.fromCoroutine(handle.result())
        error: TaskFailed = self.failureResultOf(waiting, TaskFailed).value
        return error

    def test_queued(self) -> None:
        """A call that waits is cancelled at once, and is never run."""
        handle = self.send(jobs.add, 1)
        self.assertTrue(self.now(handle.cancel()))
        self.assertEqual("cancelled", self.status(handle).state)
        self.clock.advance(0)
        self.assertEqual("cancelled", self.result(handle).status)
        self.start()
        for _ in range(3):
            self.clock.advance(1)
        self.assertEqual([], jobs.ran)
        self.assertEqual((0, 0), self.depth("work.inbound")[:2])
        self.assertEqual({}, self.orders())
        self.assertTrue(self.now(handle.cancel()))

    def test_delayed(self) -> None:
        """A delayed call too, long before it is due."""
        self.start()
        handle = self.send(jobs.add, 1, delay=100)
        self.assertTrue(self.now(handle.cancel()))
        self.assertEqual("cancelled", self.result(handle).status)
        for _ in range(102):
            self.clock.advance(1)
        self.assertEqual([], jobs.ran)
        self.assertEqual({}, self.orders())

    def test_running(self) -> None:
        """In an async task TaskCancelled is raised; what it has staged is thrown away."""
        self.start()
        handle = self.send(jobs.cancellable)
        self.clock.advance(1)
        ran = self.status(handle)
        self.assertEqual(("running", 1), (ran.state, ran.attempts))
        self.assertTrue(self.now(handle.cancel()))
        self.clock.advance(1)
        self.clock.advance(0)
        self.assertEqual(["cancelled"], jobs.ran)
        status = self.status(handle)
        self.assertEqual("cancelled", status.state)
        # What was known of its run still is.
        for name in ("attempts", "worker", "started_at", "progress"):
            self.assertEqual(getattr(ran, name), getattr(status, name), name)
        self.assertNotEqual("", status.worker)
        self.assertEqual((0, 0), self.depth("work.inbound")[:2])
        self.assertEqual([], self.dead("work.inbound"))
        self.assertEqual({}, self.orders())

    def test_finishes_first(self) -> None:
        """A call that ends before its worker has heard of it counts for nothing."""
        self.start()
        handle = self.send(jobs.wait)
        self.assertTrue(self.now(handle.cancel()))
        jobs.gates[0].callback("done")
        for _ in range(5):
            self.clock.advance(0)
        self.assertEqual("cancelled", self.status(handle).state)
        self.assertEqual("cancelled", self.result(handle).status)
        self.assertEqual(1, len(jobs.gates))
        self.assertEqual((0, 0), self.depth("work.inbound")[:2])

    def test_fails_first(self) -> None:
        """Neither a retry nor a failure comes after a cancelling."""
        self.start()
        for task in (jobs.wait, jobs.wait_once):
            jobs.gates.clear()
            handle = self.send(task)
            self.assertTrue(self.now(handle.cancel()))
            jobs.gates[0].errback(KeyError("late"))
            for _ in range(5):
                self.clock.advance(0)
            self.assertEqual("cancelled", self.status(handle).state)
        self.assertEqual([], self.dead("work.inbound"))
        self.assertEqual((0, 0, 0), self.depth("work.inbound")[:3])

    def test_ended(self) -> None:
        """A call that has ended can't be cancelled, nor one that nobody knows."""
        self.start()
        handle = self.send(jobs.add, 1)
        self.assertFalse(self.now(handle.cancel()))
        self.assertEqual("finished", self.status(handle).state)
        unknown = self.client.handle_of("nobody")
        self.failureResultOf(Deferred.fromCoroutine(unknown.cancel()), UnknownCall)

    def test_dead(self) -> None:
        """A cancelled call whose worker died is no dead letter."""
        other = MemoryBroker(self.clock, server=self.broker.server)
        other.start()
        handle = self.send(jobs.add, 1)
        consumer = other.consumer("work.inbound")
        self.successResultOf(consumer.open())
        self.successResultOf(consumer.take(1))
        other.die()
        self.assertTrue(self.now(handle.cancel()))
        self.start()
        for _ in range(20):
            self.clock.advance(1)
        self.assertEqual([], self.dead("work.inbound"))
        self.assertEqual((0, 0), self.depth("work.inbound")[:2])

    def test_own(self) -> None:
        """A task that raises TaskCancelled itself has failed."""
        self.start()
        status = self.status(self.send(jobs.quits))
        self.assertEqual("failed", status.state)
