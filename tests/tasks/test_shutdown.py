"""Tests of pipeline.tasks.shutdown."""

from __future__ import annotations

from collections.abc import Iterator
from contextvars import copy_context

from twisted.internet.task import deferLater
from twisted.logger import capturedLogs, formatEvent

from pipeline.errors import WorkerShutdown
from pipeline.tasks.shutdown import PostponeShutdown, guard
from tests.applications.test_tasks import TaskCase, call
from tests.tasks import jobs


class Postponing(TaskCase):
    """A block that the end of the worker doesn't break off."""

    def test_outside(self) -> None:
        """Where no task runs it does nothing."""
        with PostponeShutdown():
            pass

    def test_waits(self) -> None:
        """The worker waits for the end of the block; there the task ends, and is queued again."""
        application = self.start()
        self.put("work.inbound", call(jobs.careful))
        stopping = application.stop_worker(1)
        for _ in range(30):
            self.clock.advance(1)
        self.assertNoResult(stopping)
        self.assertEqual([], jobs.ran)
        jobs.gates[0].callback(None)
        for _ in range(5):
            self.clock.advance(0)
        self.successResultOf(stopping)
        self.assertEqual(["in peace"], jobs.ran)
        self.assertEqual((1, 0), self.depth("work.inbound")[:2])

    def test_thrown_away(self) -> None:
        """When a task is thrown away in its block, nothing is raised."""

        class Due:
            held = 0

            def hold(self) -> None:
                self.held += 1

            def release(self) -> None:
                self.held -= 1
                raise WorkerShutdown("now")

        def block() -> Iterator[None]:
            with PostponeShutdown():
                yield

        due = Due()

        def inside() -> None:
            guard.set(due)
            begun = block()
            next(begun)
            begun.close()  # type: ignore[attr-defined]  # it is a generator
            self.assertEqual(0, due.held)
            with self.assertRaises(WorkerShutdown):
                list(block())

        copy_context().run(inside)

    def test_in_peace(self) -> None:
        """While no worker stops, the task goes on behind the block."""
        self.start()
        self.put("work.inbound", call(jobs.careful))
        jobs.gates[0].callback(None)
        self.assertEqual(["in peace", "too far"], jobs.ran)

    def test_hurry(self) -> None:
        """A worker that is in a hurry doesn't wait."""
        application = self.start()
        self.put("work.inbound", call(jobs.careful))
        stopping = application.stop_worker(1)
        self.clock.advance(2)
        self.assertNoResult(stopping)
        application.hurry()
        for _ in range(20):
            self.clock.advance(0.5)
        self.successResultOf(stopping)
        self.assertEqual((1, 0), self.depth("work.inbound")[:2])


class InThreads(TaskCase):
    """A thread whose call is over goes on, for nothing."""

    timeout = 60

    async def until(self, condition: object) -> None:
        """Let time pass, really, until something is so."""
        from twisted.internet import reactor

        while not condition():  # type: ignore[operator]  # a lambda
            await deferLater(reactor, 0.01)  # type: ignore[arg-type]  # the module is the reactor
            self.clock.advance(0)

    async def test_late(self) -> None:
        """What it stages late is an error in it; nothing that it staged is sent."""
        jobs.gate.clear()
        self.addCleanup(jobs.gate.set)
        application = self.start(threads=1)
        self.put("work.inbound", call(jobs.late))
        await self.until(lambda: jobs.ran)
        with capturedLogs() as logged:
            self.clock.advance(1)
        said = "\n".join(formatEvent(event) for event in logged)
        self.assertIn("all 1 threads are held by calls that are over, of ", said)
        self.assertIn(jobs.late.name, said)
        (answer,) = self.results()
        self.assertIn("timed out after 1 s", answer.error or "")
        self.assertEqual([jobs.late.name], list(application.runner.stuck.values()))
        jobs.gate.set()
        await self.until(lambda: len(jobs.ran) > 1)
        self.assertEqual(["sent", "refused"], jobs.ran)
        await self.until(lambda: not application.runner.stuck)
        self.assertEqual((0, 0), self.depth("work.inbound")[:2])
