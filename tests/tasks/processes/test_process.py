"""Tests of pipeline.tasks.processes.process; calls and deaths of children are in test_pool."""

from __future__ import annotations

import os
import signal
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from pipeline.errors import PermanentFailure, TaskAborted, WorkerShutdown
from pipeline.tasks.current import CurrentTask
from pipeline.tasks.processes.process import Child
from pipeline.tasks.processes.wire import LARGEST, Answer, Setup
from tests.tasks import jobs as others
from tests.tasks.processes import jobs


class Events:
    """Notes what a child tells."""

    def __init__(self) -> None:
        self.is_ready: Deferred[None] = Deferred()
        self.ended: Deferred[BaseException] = Deferred()
        self.sent: list[Any] = []

    def ready(self, child: Child) -> None:
        """It is."""
        self.is_ready.callback(None)

    def kill(self, child: Child) -> None:
        """It has to be."""
        child.kill()

    def gone(self, child: Child, why: BaseException) -> None:
        """It is."""
        self.ended.callback(why)

    async def send(self, steps: list[tuple[str, bytes]], options: dict[str, Any]) -> Answer:
        """It asks for that."""
        self.sent += steps
        return Answer([f"id{len(self.sent)}"])

    def progress(self, values: list[Any]) -> None:
        """It tells that."""


class Lives(TestCase):
    """A real child, from its start to its end."""

    timeout = 60

    async def start(self) -> Child:
        """A child that is ready; at the end of the test it has ended."""
        from twisted.internet import reactor

        self.events = Events()
        setup = Setup(["tests.tasks.processes.jobs"], [], "w", "", {}, True)
        child = Child(setup, self.events)
        child.spawn(reactor)
        self.addCleanup(self._end, child)
        await self.events.is_ready
        return child

    async def _end(self, child: Child) -> None:
        child.kill()
        if child.pid is not None:
            await self.events.ended

    def call(self, task: Any, *args: Any) -> CurrentTask:
        """A call."""
        return CurrentTask(id="1", name=task.name, args=list(args))

    async def test_call(self) -> None:
        """It is busy while it has a call, and knows its memory after it."""
        child = await self.start()
        self.assertEqual((True, False, 0), (child.is_ready, child.is_busy, child.memory))
        running = child.call(self.call(jobs.sends, 4), True)
        self.assertTrue(child.is_busy)
        self.assertEqual(["id1", "id2"], await running)
        self.assertEqual((False, 1), (child.is_busy, child.calls))
        self.assertGreater(child.memory, 2**20)
        self.assertEqual(
            [(others.add.name, f"[[4,{n}],{{}}]".encode()) for n in (1, 2)], self.events.sent
        )

    async def test_too_large(self) -> None:
        """A call that is too large is refused, and it can run others."""
        child = await self.start()
        with self.assertRaises(PermanentFailure):
            child.call(self.call(jobs.echo, "x" * LARGEST), True)
        self.assertFalse(child.is_busy)
        self.assertEqual(1, await child.call(self.call(jobs.echo, 1), True))

    async def test_ended(self) -> None:
        """That it has ended is seen before the reactor is told."""
        child = await self.start()
        self.assertFalse(child.has_ended())
        pid = child.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        self.assertTrue(child.has_ended())
        running = child.call(self.call(jobs.add, 1), True)
        await self.assertFailure(running, TaskAborted)
        self.assertIsInstance(await self.events.ended, TaskAborted)
        self.assertIsNone(child.pid)
        child.kill()
        child.retire()
        child.tell(WorkerShutdown("late"))

    async def test_retire(self) -> None:
        """One that has nothing to do ends by itself when told so."""
        child = await self.start()
        child.retire()
        self.assertIn("exit status 0", str(await self.events.ended))
        self.assertTrue(child.is_ending)
