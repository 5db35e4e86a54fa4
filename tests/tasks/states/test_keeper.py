"""Tests of pipeline.tasks.states.keeper: through a task application in memory."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from twisted.internet.defer import Deferred

from pipeline import signals
from pipeline.brokers.memory import MemoryBroker
from pipeline.errors import PipelineError, UnknownCall
from pipeline.tasks.client import Client
from pipeline.tasks.states.reading import calls, counts
from pipeline.tasks.states.status import TaskStatus
from tests.tasks import jobs
from tests.tasks.states.support import StatesCase


class Kept(StatesCase):
    """Each state of a call is kept, with its times."""

    def test_queued(self) -> None:
        """A call that waits is queued; a delayed one says when it is due."""
        at = self.clock.seconds()
        handle = self.send(jobs.add, 1, delay=60)
        status = self.status(handle)
        self.assertEqual(("queued", at, at + 60, 0), _four(status))
        self.assertEqual((jobs.add.name, "work"), (status.task, status.queue))
        self.start()
        self.clock.advance(59)
        self.assertEqual("queued", self.status(handle).state)
        self.clock.advance(1)
        self.clock.advance(0)
        self.assertEqual("finished", self.status(handle).state)

    def test_running(self) -> None:
        """A call that runs for a while is running, with its start, worker and attempt."""
        self.start()
        handle = self.send(jobs.wait)
        started = self.clock.seconds()
        self.clock.advance(0.3)
        status = self.status(handle)
        self.assertEqual(
            ("running", started, 1), (status.state, status.started_at, status.attempts)
        )
        self.assertEqual("worker", status.worker)
        jobs.gates[0].callback("x")
        self.clock.advance(0)
        status = self.status(handle)
        self.assertEqual(("finished", started), (status.state, status.started_at))
        self.assertEqual(self.clock.seconds(), status.ended_at)

    def test_retrying(self) -> None:
        """A call that has failed and is tried again is retrying, with its error."""
        self.start()
        handle = self.send(jobs.flaky, 1)
        status = self.status(handle)
        self.assertEqual(("retrying", 1), (status.state, status.attempts))
        self.assertEqual("TemporaryFailure: not yet", status.error)
        self.assertEqual(self.clock.seconds() + 7, status.due_at)
        self.clock.advance(7)
        self.clock.advance(0)
        status = self.status(handle)
        self.assertEqual(("finished", 2, None), (status.state, status.attempts, status.error))

    def test_failed(self) -> None:
        """A call that has failed for good says with what; also one that never ran."""
        self.start(retry={"attempts": 1})
        status = self.status(self.send(jobs.broken))
        self.assertEqual(("failed", "KeyError: 'broken'"), (status.state, status.error))
        handle = self.send(jobs.strange)
        self.assertIn("can't travel", self.status(handle).error or "")

    def test_own_options(self) -> None:
        """One call may have other retries, another timeout, and keep its result."""
        self.start()
        handle = self.send(jobs.flaky, 1, retries=0)
        self.assertEqual("failed", self.status(handle).state)
        slow = self.send(jobs.wait, timeout=2, keep_result=50)
        self.clock.advance(2)
        self.clock.advance(0)
        self.assertIn("timed out after 2 s", self.status(slow).error or "")

    def test_forgotten(self) -> None:
        """An hour after its end nothing is known of a call, and nothing lists it."""
        self.start()
        handle = self.send(jobs.add, 1)
        self.assertEqual([handle.id], [each.id for each in self.now(calls(self.broker))])
        self.clock.advance(3599)
        self.assertEqual("finished", self.status(handle).state)
        self.clock.advance(1)
        self.failureResultOf(Deferred.fromCoroutine(handle.status()), UnknownCall)
        self.send(jobs.add, 2)
        self.clock.advance(20)
        self.assertEqual(1, self.now(counts(self.broker))[jobs.add.name]["finished"])

    def test_progress(self) -> None:
        """What a task reports is seen a little later, and stays with its end."""
        self.start()
        handle = self.send(jobs.steps)
        self.clock.advance(0.3)
        progress = self.status(handle).progress
        assert progress is not None
        self.assertEqual((2, 5, "second"), (progress.done, progress.total, progress.note))
        jobs.gates[0].callback(None)
        self.clock.advance(0)
        progress = self.status(handle).progress
        assert progress is not None
        self.assertEqual(5, progress.done)

    def test_off(self) -> None:
        """With keep_task_states 0 calls run, and nothing is kept or can be cancelled."""
        self.runtime = replace(self.runtime, keep_task_states=0)
        self.client = Client(self.runtime)
        self.start()
        handle = self.send(jobs.add, 1)
        self.failureResultOf(Deferred.fromCoroutine(handle.status()), UnknownCall)
        refused = self.failureResultOf(Deferred.fromCoroutine(handle.cancel()), PipelineError)
        self.assertIn("keep_task_states", str(refused.value))
        self.assertEqual(1, self.now(handle.result()))

    def test_handed_back(self) -> None:
        """A run that its worker's end has broken off is noted, and the call is queued again."""
        application = self.start()
        handle = self.send(jobs.wait_again)
        self.clock.advance(0.3)
        self.stop_application(application, 0)
        status = self.status(handle)
        self.assertEqual("queued", status.state)
        (aborted,) = status.aborted_runs
        self.assertEqual(("worker", "the worker stops"), (aborted.worker, aborted.why))

    def test_died(self) -> None:
        """A run that was in the hands of a worker that died is noted when another begins it."""
        other = MemoryBroker(self.clock, server=self.broker.server)
        other.start()
        handle = self.send(jobs.again)
        consumer = other.consumer("work.inbound")
        self.successResultOf(consumer.open())
        self.assertEqual(1, len(self.successResultOf(consumer.take(1))))
        other.die()
        self.start()
        for _ in range(20):
            self.clock.advance(1)
        status = self.status(handle)
        self.assertEqual("finished", status.state)
        self.assertEqual(["Worker died"], [each.why for each in status.aborted_runs])


class Told(StatesCase):
    """Who listens is told of each change."""

    def test_signals(self) -> None:
        """With the task as the sender, in their order."""
        said: list[tuple[str, Any]] = []
        names = [name for name in signals.__all__ if name.startswith("task_")]
        for name in names:
            self._listen(name, said)
        self.start(retry={"attempts": 1})
        self.send(jobs.add, 1)
        self.send(jobs.flaky, 1)
        self.clock.advance(7)
        self.send(jobs.broken)
        self.send(jobs.steps)
        self.clock.advance(0.3)
        cancelled = self.send(jobs.wait)
        self.now(cancelled.cancel())
        self.clock.advance(1)
        self.clock.advance(0)
        self.assertEqual({*names}, {name for name, _ in said})
        self.assertIn(("task_queued", jobs.flaky), said)
        of_flaky = [name for name, sender in said if sender is jobs.flaky and "queued" not in name]
        self.assertEqual(
            ["task_started", "task_retried", "task_started", "task_finished"], of_flaky
        )

    def _listen(self, name: str, said: list[tuple[str, Any]]) -> None:
        def receive(sender: Any, **named: Any) -> None:
            said.append((name, sender))

        signal = getattr(signals, name)
        signal.connect(receive, weak=False)
        self.addCleanup(signal.disconnect, receive)


def _four(status: TaskStatus) -> tuple[Any, ...]:
    return status.state, status.queued_at, status.due_at, status.attempts
