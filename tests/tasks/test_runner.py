"""Tests of pipeline.tasks.runner."""

from __future__ import annotations

import gc
import sys
import threading
import weakref
from contextvars import ContextVar
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock, deferLater
from twisted.trial.unittest import TestCase

from pipeline.errors import PermanentFailure, TaskAborted, WorkerShutdown
from pipeline.tasks.current import CurrentTask
from pipeline.tasks.registry import Task
from pipeline.tasks.run import GRACE
from pipeline.tasks.runner import TaskRunner

colour: ContextVar[str] = ContextVar("colour", default="none")


class InReactor(TestCase):
    """Async tasks run in the reactor, on a clock."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.runner = TaskRunner(self.clock, threads=1)
        self.seen: list[BaseException] = []

    def _call(self, function: Any, *args: Any, **options: Any) -> Deferred[Any]:
        task: Task[Any, Any] = Task(function, name="t", **options)
        return Deferred.fromCoroutine(
            self.runner.run(
                task, CurrentTask(id="1", name="t", args=list(args), timeout=task.timeout)
            )
        )

    async def _sleep(self, seconds: float) -> str:
        try:
            await deferLater(self.clock, seconds)
        except BaseException as error:
            self.seen.append(error)
            raise
        return "slept"

    def test_value(self) -> None:
        """What a task returns is the result."""
        running = self._call(self._sleep, 1)
        self.assertEqual(1, len(self.runner.running))
        self.clock.advance(1)
        self.assertEqual("slept", self.successResultOf(running))
        self.assertEqual(set(), self.runner.running)

    def test_error(self) -> None:
        """What a task raises is raised."""

        async def fails() -> None:
            raise KeyError("x")

        self.failureResultOf(self._call(fails), KeyError)
        self.failureResultOf(self._call(lambda: {}["x"], isolation="inline"), KeyError)

    def test_time_out(self) -> None:
        """A task that takes too long is cancelled, has failed for good, and is counted."""
        running = self._call(self._sleep, 9, timeout=5)
        self.clock.advance(4.9)
        self.assertNoResult(running)
        self.clock.advance(0.1)
        error = self.failureResultOf(running, PermanentFailure).value
        self.assertEqual("t timed out after 5 s", str(error))
        self.assertEqual([error], self.seen)
        self.assertEqual(1, self.runner.timed_out)
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_in_time(self) -> None:
        """A task that is done in time leaves no timer."""
        running = self._call(self._sleep, 1, timeout=5)
        self.clock.advance(1)
        self.successResultOf(running)
        self.assertEqual(([], 0), (self.clock.getDelayedCalls(), self.runner.timed_out))

    def test_deaf(self) -> None:
        """A task that won't be cancelled is given up after a while."""

        async def deaf() -> None:
            while True:
                try:
                    await deferLater(self.clock, 1000)
                except PermanentFailure as error:
                    self.seen.append(error)

        running = self._call(deaf, timeout=5)
        self.clock.advance(5)
        self.assertNoResult(running)
        self.clock.advance(GRACE)
        self.failureResultOf(running, PermanentFailure)
        self.assertEqual(1, len(self.seen))

    def test_interrupt(self) -> None:
        """At the end of the worker, WorkerShutdown is raised inside of what runs.

        It comes out only where the call may be run again; else it has failed.
        """
        for reentrant, error in ((True, WorkerShutdown), (False, TaskAborted)):
            self.seen.clear()
            running = self._call(self._sleep, 9, timeout=60, reentrant=reentrant)
            self.runner.interrupt()
            self.failureResultOf(running, error)
            self.assertIsInstance(self.seen[0], WorkerShutdown)
            self.assertEqual(([], 0), (self.clock.getDelayedCalls(), self.runner.timed_out))

    def test_survives(self) -> None:
        """A task that is told to end, and still ends well in time, has ended well; one whose time
        is over has not."""

        async def saves() -> str:
            try:
                await Deferred()
            except (WorkerShutdown, TaskAborted):
                await deferLater(self.clock, 1)
            return "saved"

        running = self._call(saves)
        self.runner.interrupt()
        self.clock.advance(1)
        self.assertEqual("saved", self.successResultOf(running))
        running = self._call(saves, timeout=5)
        self.clock.advance(5)
        self.clock.advance(1)
        self.failureResultOf(running, TaskAborted)

    def test_cancelled(self) -> None:
        """Cancelling who waits for the task cancels the task."""
        running = self._call(self._sleep, 9)
        running.addErrback(lambda failure: None)
        running.cancel()
        self.assertIsInstance(self.seen[0], WorkerShutdown)
        self.clock.advance(GRACE)
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_exit(self) -> None:
        """An async task that ends the program ends only itself."""

        async def leaves() -> None:
            raise SystemExit(3)

        for function, options in ((leaves, {}), (lambda: sys.exit(3), {"isolation": "inline"})):
            error = self.failureResultOf(self._call(function, **options), PermanentFailure)
            self.assertIn("SystemExit(3)", str(error.value))

    def test_deferred(self) -> None:
        """An inline plain function may return a Deferred; in time, it is cancelled."""
        running = self._call(lambda: deferLater(self.clock, 3, lambda: 7), isolation="inline")
        self.clock.advance(3)
        self.assertEqual(7, self.successResultOf(running))
        running = self._call(Deferred, isolation="inline", timeout=1)
        self.clock.advance(1)
        self.failureResultOf(running, PermanentFailure)


class InThreads(TestCase):
    """Plain tasks run in threads of the runner's own."""

    def setUp(self) -> None:
        from twisted.internet import reactor

        self.reactor = reactor
        self.runner = TaskRunner(reactor, threads=1)
        self.runner.start()
        self.addCleanup(self.runner.stop)

    def _call(self, function: Any, *args: Any, **options: Any) -> Deferred[Any]:
        task: Task[Any, Any] = Task(function, name="t", **options)
        return Deferred.fromCoroutine(
            self.runner.run(
                task, CurrentTask(id="1", name="t", args=list(args), timeout=task.timeout)
            )
        )

    async def test_context(self) -> None:
        """It runs in a thread, with the context variables of who called."""
        colour.set("green")

        def where() -> tuple[bool, str]:
            return threading.current_thread() is threading.main_thread(), colour.get()

        self.assertEqual((False, "green"), await self._call(where))

    async def test_awaitable(self) -> None:
        """What returns something to wait for, from a thread, has failed, with advice."""

        async def waits() -> None: ...

        for function in (Deferred, lambda: waits()):
            with self.assertRaisesRegex(PermanentFailure, "async def"):
                await self._call(function)

    async def test_time_out(self) -> None:
        """One that takes too long has failed; its thread is taken until it really ends."""
        gate = threading.Event()
        with self.assertRaises(PermanentFailure):
            await self._call(lambda: gate.wait(5), timeout=0.01)
        self.assertEqual((1, 1), (self.runner.timed_out, self.runner.threads.busy))
        later = self._call(lambda: "free")
        self.assertFalse(later.called)
        gate.set()
        self.assertEqual("free", await later)
        self.assertEqual(0, self.runner.threads.busy)

    async def test_interrupt(self) -> None:
        """A thread can't be told to end: only what may run twice is run again elsewhere."""
        gate = threading.Event()
        self.addCleanup(gate.set)
        for reentrant, error in ((False, PermanentFailure), (True, WorkerShutdown)):
            gate.clear()
            running = self._call(lambda: gate.wait(5), reentrant=reentrant)
            self.runner.interrupt()
            with self.assertRaises(error):
                await running
            gate.set()
            while self.runner.threads.busy:
                await deferLater(self.reactor, 0)

    async def test_nothing_left(self) -> None:
        """A call that is over leaves nothing for the garbage collector to find."""
        gc.disable()
        self.addCleanup(gc.enable)
        gate = threading.Event()
        running = self._call(gate.wait, 30)
        run = weakref.ref(next(iter(self.runner.running)))
        gate.set()
        await running
        await deferLater(self.reactor, 0)  # until then it is what has come here
        self.assertIsNone(run())

    async def test_waiting(self) -> None:
        """Time counts from when a thread is there. What waits for one can still be called off."""
        clock, gates = Clock(), [threading.Event() for _ in range(2)]
        for gate in gates:
            self.addCleanup(gate.set)
        self.runner = TaskRunner(clock, threads=1)
        self.addCleanup(self.runner.stop)
        begun = threading.Event()

        def begin() -> None:
            begun.set()
            gates[1].wait(30)

        first = self._call(lambda: gates[0].wait(30))
        second = self._call(begin, timeout=5)
        third = self._call(lambda: None, timeout=5)
        clock.advance(7)
        gates[0].set()
        await first
        begun.wait(30)
        self.assertFalse(second.called)
        self.runner.interrupt()
        self.assertIn("the worker stopped while", str(self.failureResultOf(second).value))
        self.failureResultOf(third, CancelledError)

    async def test_waited(self) -> None:
        """One that has waited for its thread has all of its time from then on."""
        clock, gate, begun = Clock(), threading.Event(), threading.Event()
        self.addCleanup(gate.set)
        self.runner = TaskRunner(clock, threads=1)
        self.addCleanup(self.runner.stop)

        def block() -> None:
            begun.set()
            gate.wait(30)

        leave = threading.Event()
        first, second = self._call(leave.wait, 30), self._call(block, timeout=5)
        clock.advance(3)
        leave.set()
        begun.wait(30)
        await first
        for passed, is_over in ((4.5, False), (0.4, False), (0.2, True)):
            clock.advance(passed)
            self.assertEqual(is_over, second.called)
        self.failureResultOf(second, TaskAborted)

    async def test_exit(self) -> None:
        """A task that ends the program ends only itself."""
        with self.assertRaisesRegex(PermanentFailure, "SystemExit"):
            await self._call(lambda: sys.exit(1))
