"""Tests of pipeline.tasks.processes.pool, with real children."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, gatherResults
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from pipeline.errors import (
    ConfigError,
    PermanentFailure,
    RetryLater,
    TaskAborted,
    TaskCancelled,
    WorkerShutdown,
)
from pipeline.tasks.current import CurrentTask
from pipeline.tasks.middleware import TaskStack
from pipeline.tasks.processes.factories import named
from pipeline.tasks.processes.options import ProcessPoolOptions
from pipeline.tasks.processes.pool import TRIES, ProcessPool
from pipeline.tasks.registry import Task
from pipeline.tasks.runner import TaskRunner
from tests.tasks.processes import jobs

JOBS = "tests.tasks.processes.jobs"


class ProcessCase(TestCase):
    """Has a runner with a pool of real children."""

    timeout = 120

    async def begin(self, *middleware: Any, **options: Any) -> TaskRunner:
        """A runner; it is stopped when the test ends."""
        from twisted.internet import reactor

        self.reactor: Any = reactor
        given = {"tasks": [JOBS], "middleware": named(middleware), "processes": 1}
        self.pool = ProcessPool(reactor, ProcessPoolOptions(**{**given, **options}))
        self.runner = TaskRunner(reactor, 1, TaskStack(middleware), processes=self.pool)
        self.addCleanup(self.runner.stop)
        await self.runner.start()
        return self.runner

    def call(self, task: Task[Any, Any], *args: Any, **options: Any) -> Deferred[Any]:
        """Call a task there."""
        call = CurrentTask(id="c1", name=task.name, args=list(args), timeout=task.timeout)
        return Deferred.fromCoroutine(self.runner.run(task, call, **options))

    async def until(self, condition: Callable[[], Any]) -> None:
        """Wait until something is so; the test's own time limits that."""
        while not condition():
            await deferLater(self.reactor, 0.01)


class Calls(ProcessCase):
    """Calls run in children."""

    async def test_result(self) -> None:
        """A task runs in another process, and who waits gets what it returns."""
        await self.begin()
        self.assertEqual(5, await self.call(jobs.add, 2, 3))
        pid, id, attempt, is_reactor, _, path = await self.call(jobs.where)
        self.assertNotEqual(os.getpid(), pid)
        self.assertEqual(("c1", 1, False), (id, attempt, is_reactor))
        self.assertEqual(os.environ.get("PYTHONPATH"), path)

    async def test_values(self) -> None:
        """Values arrive as they do in other isolations, integers of any size as well."""
        await self.begin()
        value = {"a": [1, 2.5, None, True, "ü\x00"], "big": 2**70}
        self.assertEqual(value, await self.call(jobs.echo, value))

    async def test_first(self) -> None:
        """Who goes first has a child before all others that wait."""
        await self.begin()
        child = await self.pool.free()
        order: list[str] = []

        async def take(name: str) -> None:
            taken = await (self.pool.free_first() if name.isupper() else self.pool.free())
            order.append(name)
            self.pool.give_back(taken)

        waiting = [Deferred.fromCoroutine(take(name)) for name in "abAB"]
        self.pool.give_back(child)
        await gatherResults(waiting)
        self.assertEqual("ABab", "".join(order))

    async def test_many(self) -> None:
        """Fifty calls share two children, each with one at a time."""
        await self.begin(processes=2)
        await self.until(lambda: self.pool.idle == 2)
        results = await gatherResults([self.call(jobs.add, n, 1) for n in range(50)])
        self.assertEqual([n + 1 for n in range(50)], results)
        self.assertEqual((2, 0), (self.pool.idle, self.pool.running))
        self.assertEqual(2, self.pool.counts["started"])

    async def test_crash(self) -> None:
        """A child that dies is an outcome of its call, and is replaced."""
        await self.begin()
        for how, said in (
            ("segfault", "its process died: signal 11"),
            ("exit", "its process died: exit status 7"),
            ("kill", "its process died: signal 9"),
            ("nonsense", "its process spoke nonsense"),
        ):
            with self.assertRaisesRegex(TaskAborted, said):
                await self.call(jobs.crash, how)
            self.assertEqual(3, await self.call(jobs.add, 1, 2))
        self.assertEqual((3, 1), (self.pool.counts["died"], self.pool.counts["killed"]))

    async def test_large(self) -> None:
        """What is too large is refused, in both directions, with advice."""
        await self.begin()
        for task, value in ((jobs.large, 17 * 2**20), (jobs.echo, "x" * 17 * 2**20)):
            with self.assertRaisesRegex(PermanentFailure, "too large .* in a file or a store"):
                await self.call(task, value)
            self.assertEqual(3, await self.call(jobs.add, 1, 2))
        self.assertEqual(15 * 2**20, len(await self.call(jobs.large, 15 * 2**20)))

    async def test_unfit(self) -> None:
        """What can't travel is an error if somebody waits for it, else nothing."""
        await self.begin()
        with self.assertRaisesRegex(PermanentFailure, "a set is nothing that JSON can say"):
            await self.call(jobs.strange)
        self.assertIsNone(await self.call(jobs.strange, is_awaited=False))
        with self.assertRaisesRegex(PermanentFailure, "make it async def"):
            await self.call(jobs.awaits)


class Start(ProcessCase):
    """What can't work is found at the start."""

    async def test_preload(self) -> None:
        """A function of one's own is called once in each child."""
        await self.begin(preload=f"{JOBS}.preload")
        pid, _, _, _, loaded, _ = await self.call(jobs.where)
        self.assertEqual([pid], loaded)

    async def test_broken(self) -> None:
        """What fails in a child's start is an error that says so."""
        for options, said in (
            ({"preload": f"{JOBS}.cannot"}, "no model here"),
            ({"preload": f"{JOBS}.nothing"}, "nothing"),
            ({"tasks": ["tests.tasks.processes.nothing"]}, "nothing"),
        ):
            with self.assertRaisesRegex(ConfigError, said):
                await self.begin(**options)
            self.assertEqual((0, 0), (self.pool.idle, self.pool.running))

    async def kill_starting(self, times: int) -> Deferred[Any]:
        """Begin, and kill so many children that start, one after another."""
        starting = Deferred.fromCoroutine(self.begin())
        for count in range(times):
            await self.until(lambda: self.pool.children)
            for child in self.pool.children:
                child.transport.signalProcess("KILL")
            await self.until(lambda count=count: self.pool.counts["failed"] > count)
        return starting

    async def test_killed(self) -> None:
        """Children that are killed while they start are started again."""
        await (await self.kill_starting(TRIES - 1))
        self.assertEqual((1, TRIES - 1), (self.pool.idle, self.pool.counts["failed"]))

    async def test_killed_again(self) -> None:
        """When that happens again and again, none can be started."""
        with self.assertRaisesRegex(ConfigError, "its process died: signal 9"):
            await (await self.kill_starting(TRIES))

    async def test_later(self) -> None:
        """While no child can be started, calls are put off; then they run again."""
        await self.begin()
        self.patch(self.pool, "options", replace(self.pool.options, preload=f"{JOBS}.cannot"))
        with self.assertRaises(TaskAborted):
            await self.call(jobs.crash, "exit")
        with self.assertRaisesRegex(RetryLater, "10.0") as raised:
            await self.call(jobs.add, 1)
        self.assertIn("no model here", raised.exception.reason)
        self.pool.options = replace(self.pool.options, preload="")
        await self.until(lambda: self.pool.idle)
        self.assertEqual(1, await self.call(jobs.add, 1))
        self.flushLoggedErrors()


class Size(ProcessCase):
    """Children are replaced, and there are always as many."""

    async def test_calls(self) -> None:
        """After so many calls a child makes place for another."""
        await self.begin(recycle_calls=2)
        pids = [(await self.call(jobs.where))[0] for _ in range(6)]
        self.assertEqual(3, len(set(pids)))
        self.assertEqual(pids[::2], pids[1::2])
        self.assertEqual(3, self.pool.counts["recycled"])
        self.assertEqual(0, self.pool.counts["died"])

    async def test_memory(self) -> None:
        """A child that has too much memory after a call makes place for another."""
        await self.begin(recycle_memory=300 * 2**20)
        first = await self.call(jobs.keep, 2**20)
        self.assertEqual(first, await self.call(jobs.keep, 300 * 2**20))
        self.assertNotEqual(first, await self.call(jobs.keep, 2**20))
        self.assertEqual(1, self.pool.counts["recycled"])

    async def test_idle(self) -> None:
        """A child that is killed while it has nothing to do is replaced, and no call is lost."""
        await self.begin()
        for _ in range(5):
            await self.until(lambda: self.pool.idle)
            (pid, *_) = await self.call(jobs.where)
            os.kill(pid, signal.SIGKILL)
            # It has not been told yet, and must see for itself.
            while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT) is None:
                pass
            self.assertNotEqual(pid, (await self.call(jobs.where))[0])
        self.assertEqual(5, self.pool.counts["died"])

    async def test_stop(self) -> None:
        """When the pool stops, all children end; what has a call, at once."""
        await self.begin(processes=2)
        await self.until(lambda: self.pool.idle == 2)
        pids = [child.pid for child in self.pool.children]
        flag = self.mktemp()
        running = self.call(jobs.stubborn, flag)
        await self.until(lambda: Path(flag).exists())
        waiting = [self.call(jobs.stubborn, flag) for _ in range(2)]
        await self.pool.stop()
        await self.assertFailure(running, TaskAborted)
        for each in waiting:
            await self.assertFailure(each, RetryLater, TaskAborted)
        for pid in pids:
            with self.assertRaises(ProcessLookupError):
                os.kill(pid, 0)


class Ends(ProcessCase):
    """A call is told to end, or ended."""

    async def test_time_out(self) -> None:
        """At its timeout a task is killed, whatever it does."""
        await self.begin()
        with self.assertRaisesRegex(TaskAborted, "slow timed out after 0.5 s"):
            await self.call(jobs.slow)
        self.assertEqual((1, 1), (self.pool.counts["killed"], self.runner.timed_out))
        self.assertEqual(3, await self.call(jobs.add, 1, 2))

    async def test_group(self) -> None:
        """What the task has started is killed with it."""
        await self.begin()
        flag = Path(self.mktemp())
        with self.assertRaises(TaskAborted):
            await self.call(jobs.starts, str(flag))
        await self.until(lambda: not is_alive(int(flag.read_text(encoding="utf-8"))))

    async def test_postponed(self) -> None:
        """In a PostponeShutdown block it is raised at the end of that."""
        await self.begin()
        flag = Path(self.mktemp())
        running = self.call(jobs.postpones, str(flag))
        await self.until(flag.exists)
        self.runner.interrupt()
        await self.assertFailure(running, WorkerShutdown)
        said = [Path(f"{flag}.{name}").exists() for name in ("block", "behind")]
        self.assertEqual([True, False], said)

    async def test_shutdown(self) -> None:
        """At the end of the worker WorkerShutdown is raised in the task, which may clean up."""
        await self.begin()
        for task, error in ((jobs.wait, TaskAborted), (jobs.wait_again, WorkerShutdown)):
            flag = Path(self.mktemp())
            running = self.call(task, str(flag))
            await self.until(flag.exists)
            self.runner.interrupt()
            await self.assertFailure(running, error)
            self.assertEqual("runs\nthe worker stops\n", flag.read_text(encoding="utf-8"))
        self.assertEqual(0, self.pool.counts["killed"])

    async def test_saved(self) -> None:
        """A task that ends well though told to end has ended well."""
        await self.begin()
        flag = Path(self.mktemp())
        running = self.call(jobs.saves, str(flag))
        await self.until(flag.exists)
        self.runner.interrupt()
        self.assertEqual("saved", await running)

    async def test_stubborn(self) -> None:
        """One that goes on is killed when its grace is over."""
        await self.begin()
        flag = Path(self.mktemp())
        running = self.call(jobs.stubborn, str(flag))
        await self.until(flag.exists)
        self.runner.interrupt()
        await self.assertFailure(running, TaskAborted)
        self.assertEqual(1, self.pool.counts["killed"])
        self.assertIn("told", flag.read_text(encoding="utf-8"))

    async def test_cancelled_by_id(self) -> None:
        """Cancelling a call raises TaskCancelled in its task."""
        await self.begin()
        flag = Path(self.mktemp())
        running = self.call(jobs.cancelled, str(flag))
        await self.until(flag.exists)
        self.runner.cancel("other")
        self.runner.cancel("c1")
        await self.assertFailure(running, TaskCancelled)
        said = flag.read_text(encoding="utf-8")
        self.assertIn(f"{jobs.cancelled.name} was cancelled", said)

    async def test_cancelled(self) -> None:
        """Cancelling who waits tells the task to end; one that waits for a child just goes."""
        await self.begin()
        flag = Path(self.mktemp())
        running, waiting = self.call(jobs.wait, str(flag)), self.call(jobs.add, 1)
        await self.until(flag.exists)
        waiting.cancel()
        await self.assertFailure(waiting, CancelledError)
        running.cancel()
        await self.assertFailure(running, TaskAborted)
        self.assertIn("the worker stops", flag.read_text(encoding="utf-8"))


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that nobody has waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2][1] != "Z"
    except OSError:
        return False
