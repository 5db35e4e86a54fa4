"""Tasks in processes of their own, in an application, over a real server."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import TestCase

from pipeline.applications.tasks import TaskApplication
from pipeline.errors import ConfigError, TaskFailed
from pipeline.message import ResultMessage, TaskMessage
from pipeline.tasks import run
from pipeline.tasks.client import Client
from pipeline.tasks.handle import TaskHandle
from pipeline.tasks.registry import Task
from pipeline.testing import OnServer, WorkerHelper
from tests.quick import SKIP
from tests.tasks import jobs as others
from tests.tasks.processes import jobs

JOBS = "tests.tasks.processes.jobs"
MIDDLEWARES = "tests.tasks.processes.middlewares"


class ProcessesCase(TestCase):
    """Has an application with children."""

    skip = SKIP

    timeout = 120

    def setUp(self) -> None:
        self.helper = WorkerHelper("work", place=OnServer())
        self.addCleanup(self.helper.cleanup)
        self.events: list[Any] = []
        globalLogPublisher.addObserver(self.events.append)  # type: ignore[arg-type]
        self.addCleanup(globalLogPublisher.removeObserver, self.events.append)

    async def begin(self, *middleware: str, **options: Any) -> TaskApplication:
        """An application; it is stopped at the end of the test."""
        given = {
            "tasks": [JOBS],
            "middleware": [f"{MIDDLEWARES}.{name}" for name in middleware],
            "processes": 1,
            "retry": {"attempts": 1},
            **options,
        }
        return await self.helper.get_worker(TaskApplication, given)

    async def answers(self, *calls: tuple[Any, ...]) -> list[ResultMessage]:
        """The answers to calls, in the order of the calls."""
        messages = [
            TaskMessage(task=task.name, args=list(args), reply_to="x", transport_name="work")
            for task, *args in calls
        ]
        await self.helper.clear_dispatched("outbound")
        for message in messages:
            await self.helper.dispatch("inbound", message)
        found = await self.helper.wait_for_dispatched("outbound", len(messages))
        by_id = {answer.in_reply_to: answer for answer in found}
        return [by_id[message.message_id] for message in messages]

    def logged(self, task: Task[Any, Any]) -> list[str]:
        """What was logged of a task's calls."""
        events = [e for e in self.events if e.get("task") == task.name and "source" in e]
        return [f"{e['log_level'].name} {e['source']}: {e['text']}" for e in events]


class Outcomes(ProcessesCase):
    """What becomes of a call there becomes of it here."""

    async def test_results(self) -> None:
        """A call is answered with what it returns, or with its error and where that was."""
        await self.begin()
        good, bad, died = await self.answers(
            (jobs.add, 2, 3), (jobs.fail, "value"), (jobs.crash, "segfault")
        )
        self.assertEqual(("finished", 5), (good.status, good.value))
        self.assertEqual(("failed", "ValueError: ('no', 3)"), (bad.status, bad.error))
        self.assertIn("raise errors[kind]", bad.traceback or "")
        self.assertEqual("TaskAborted: its process died: signal 11", died.error)
        letters = await self.helper.dead("work.inbound")
        self.assertEqual({"exhausted", "aborted"}, {each.text("reason") for each in letters})
        self.assertIn("raise errors[kind]", "".join(each.text("traceback") for each in letters))

    async def test_meanings(self) -> None:
        """What decides on a retry decides as in other isolations."""
        await self.begin(retry={"attempts": 3, "base": 0.01})
        await self.answers((jobs.fail, "permanent"))
        letters = await self.helper.dead("work.inbound")
        self.assertEqual(["1"], [each.text("attempts") for each in letters])
        later = TaskMessage(task=jobs.fail.name, args=["later"], transport_name="work")
        await self.helper.dispatch("inbound", later)
        await self.helper.until(self._is_delayed)
        (answer,) = await self.answers((jobs.fail, "temporary"))
        self.assertEqual("TemporaryFailure: not now", answer.error)
        letters = await self.helper.dead("work.inbound")
        self.assertEqual({"1", "3"}, {each.text("attempts") for each in letters})

    async def _is_delayed(self) -> bool:
        return (await self.helper.depth("work.inbound")).delayed == 1

    async def test_staged(self) -> None:
        """What a task sends leaves with its settlement: when it fails, never."""
        await self.begin()
        good, bad = await self.answers((jobs.sends, 4), (jobs.sends, 0))
        self.assertEqual(("finished", "failed"), (good.status, bad.status))
        # Nobody here has the task that they are calls of, so they become dead letters.
        await self.helper.until(self._has_two_unknown)
        self.assertEqual(2, len(set(good.value)))

    async def _has_two_unknown(self) -> bool:
        letters = await self.helper.dead("work.inbound")
        return [others.add.name in each.text("error") for each in letters].count(True) == 2

    async def test_sent_wrong(self) -> None:
        """What can't be sent is an error at the sender, there."""
        await self.begin()
        (answer,) = await self.answers((jobs.sends_wrong,))
        self.assertIn("too many positional arguments", answer.value)

    async def test_no_processes(self) -> None:
        """Where no task wants one, there are no processes."""
        application = await self.begin(tasks=["tests.tasks.jobs"])
        self.assertIsNone(application.runner.processes)

    async def test_broken(self) -> None:
        """What can't work in a process is an error at the start."""
        with self.assertRaisesRegex(ConfigError, "no model here"):
            await self.begin(preload=f"{JOBS}.cannot")


class States(ProcessesCase):
    """What is known of a call that runs in a child."""

    async def test_progress(self) -> None:
        """What the task has reported last is in its status, and where it ran."""
        application = await self.begin()
        (answer,) = await self.answers((jobs.reports,))
        status = await application.client.handle_of(answer.in_reply_to).status()
        progress = (status.progress.done, status.progress.total, status.progress.note)
        self.assertEqual(("finished", (1000, 1000, "the 1000.")), (status.state, progress))


class Values(ProcessesCase):
    """What travels as in other isolations."""

    async def test_hints(self) -> None:
        """Arguments are in the child what their hints say, and so are results who waits."""
        await self.begin()
        (answer,) = await self.answers((jobs.order, {"name": "tea", "due": "2026-01-31"}))
        self.assertEqual(("finished", ["tea", "2026-02-01"]), (answer.status, answer.value))


class Middleware(ProcessesCase):
    """Task middleware runs in the child, around the task."""

    async def test_around(self) -> None:
        """It may change arguments, knows the call, and is in the process of the task."""
        await self.begin("Counts")
        (answer,) = await self.answers((jobs.add, 2, 3))
        self.assertEqual(6, answer.value)
        before, after = self.logged(jobs.add)
        self.assertRegex(before, rf"info stdout: before \d+ {jobs.add.name} True")
        self.assertEqual("info stdout: after", after)

    async def test_async(self) -> None:
        """Async middleware works there, in its place among the others."""
        await self.begin("Async", "Counts")
        (answer,) = await self.answers((jobs.add, 2, 3))
        self.assertEqual(16, answer.value)
        said = [line.split(": ")[1].split()[0:2] for line in self.logged(jobs.add)]
        self.assertEqual(["async", "before"], said[0])
        self.assertEqual(["async", "after"], said[-1])
        self.assertEqual(4, len(said))

    async def test_options(self) -> None:
        """Middleware with options has them there, too."""
        polite = {"polite": f"{MIDDLEWARES}.Polite"}
        await self.begin(middleware=[polite], polite={"word": "tak"})
        await self.answers((jobs.add, 2))
        self.assertEqual(["info stdout: tak taskapplication True"], self.logged(jobs.add))

    async def test_waits(self) -> None:
        """What has to wait for a reactor can't, and says so."""
        await self.begin("Waits")
        (answer,) = await self.answers((jobs.add, 2, 3))
        self.assertIn("there is no reactor", answer.error or "")

    async def test_swallows(self) -> None:
        """It may swallow what the task raises, which has the same class there."""
        await self.begin("Swallows")
        (answer,) = await self.answers((jobs.fail, "key"))
        self.assertEqual(("finished", None), (answer.status, answer.value))

    async def test_shutdown(self) -> None:
        """The end of the worker is never raised in it, but in the task, when that begins."""
        application = await self.begin("Slow")
        flag = Path(self.mktemp()).resolve()
        call = TaskMessage(task=jobs.wait.name, args=[str(flag)], transport_name="work")
        handled = self.helper.dispatch("inbound", call)
        await self.helper.until(flag.exists)
        await self.helper.cleanup_worker(application, deadline=0)
        await handled
        self.assertEqual("runs\nfrom the task\n", flag.read_text(encoding="utf-8"))


class Cancelling(ProcessesCase):
    """Somebody cancels a call that runs in a child, by its handle, from another process."""

    async def cancel_running(self, task: Task[Any, Any]) -> tuple[TaskHandle, Path]:
        """A call that was cancelled while it ran, and what it has noted; its handle says so."""
        client = Client(await self.helper.place.runtime())
        self.addCleanup(lambda: Deferred.fromCoroutine(client.stop()))
        flag = Path(self.mktemp()).resolve()
        handle = await client.send(task, [str(flag)])
        await self.helper.until(lambda: flag.exists() and flag.read_text(encoding="utf-8"))
        self.assertTrue(await handle.cancel())
        with self.assertRaises(TaskFailed) as caught:
            await handle.result(30)
        self.assertEqual("cancelled", caught.exception.status)
        return handle, flag

    async def assert_over(self, handle: TaskHandle) -> None:
        """The child is free for another call, and the one that was cancelled counts for nothing."""
        (answer,) = await self.answers((jobs.add, 2, 3))
        self.assertEqual(5, answer.value)
        self.assertEqual("cancelled", (await handle.status()).state)
        self.assertEqual([], await self.helper.dead("work.inbound"))
        self.assertEqual(0, (await self.helper.depth("work.inbound")).waiting)

    async def test_told(self) -> None:
        """TaskCancelled is raised in it; a task that ends by that leaves its child for others."""
        application = await self.begin()
        handle, flag = await self.cancel_running(jobs.cancelled)
        await self.assert_over(handle)
        self.assertIn(f"{jobs.cancelled.name} was cancelled", flag.read_text(encoding="utf-8"))
        self.assertEqual(0, application.runner.processes.counts["killed"])

    async def test_killed(self) -> None:
        """One that goes on is killed with its child, and another child takes the next call."""
        self.patch(run, "GRACE", 0.2)
        application = await self.begin()
        handle, flag = await self.cancel_running(jobs.deaf)
        pid = int(flag.read_text(encoding="utf-8"))
        await self.helper.until(lambda: not _lives(pid))
        await self.assert_over(handle)
        self.assertEqual(1, application.runner.processes.counts["killed"])


class Stopping(ProcessesCase):
    """The worker stops while calls run in its children."""

    async def test_stubborn(self) -> None:
        """A call that goes on is killed, and has failed: nobody else runs it again."""
        application = await self.begin()
        flag = Path(self.mktemp()).resolve()
        call = TaskMessage(task=jobs.stubborn.name, args=[str(flag)], transport_name="work")
        handled = self.helper.dispatch("inbound", call)
        await self.helper.until(flag.exists)
        await self.helper.cleanup_worker(application, deadline=0)
        await handled
        letters = await self.helper.dead("work.inbound")
        self.assertEqual(["aborted"], [each.text("reason") for each in letters])
        self.assertEqual(0, (await self.helper.depth("work.inbound")).waiting)

    async def test_reentrant(self) -> None:
        """One that may run twice is there for others at once."""
        application = await self.begin()
        flag = Path(self.mktemp()).resolve()
        call = TaskMessage(task=jobs.wait_again.name, args=[str(flag)], transport_name="work")
        self.helper.dispatch("inbound", call).addErrback(lambda failure: None)
        await self.helper.until(flag.exists)
        await self.helper.cleanup_worker(application, deadline=0)
        self.assertEqual(1, (await self.helper.depth("work.inbound")).waiting)
        self.assertIn("the worker stops", flag.read_text(encoding="utf-8"))


class Log(ProcessesCase):
    """What a child says goes to the worker's log, with the call that it belongs to."""

    async def test_talk(self) -> None:
        """What is printed and logged, in each way, line by line, before the call's end."""
        await self.begin()
        (answer,) = await self.answers((jobs.talk,))
        expected = {
            "info stdout: to you all",
            "warn stderr: in error",
            "info shop: sold 3",
            "warn mill: ground corn",
            "info stdout: unfinished",
        }
        self.assertEqual(set(), expected - set(self.logged(jobs.talk)))
        await self.helper.until(lambda: "info output: raw" in self.logged(jobs.talk))
        ids = {event.get("id") for event in self.events if event.get("task") == jobs.talk.name}
        self.assertEqual({answer.in_reply_to}, ids)

    async def test_crash(self) -> None:
        """Where Python was when the process crashed is in the log."""
        await self.begin()
        await self.answers((jobs.crash, "segfault"))
        said = "\n".join(self.logged(jobs.crash))
        self.assertIn("Segmentation fault", said)
        self.assertIn("in crash", said)

    async def test_much(self) -> None:
        """A task that prints 100 MB costs the worker little memory; the rest is counted."""
        await self.begin()
        size = 100 * 2**20 // 100 * 100
        before = _memory()
        for is_raw in (False, True):
            (answer,) = await self.answers((jobs.shout, size, is_raw))
            self.assertEqual(size, answer.value)
        await self.answers((jobs.add, 1))
        self.assertLess(_memory() - before, 30 * 2**20)
        said = self.logged(jobs.shout)
        dropped = [line for line in said if line.endswith("were not logged")]
        self.assertEqual(2, len(dropped), dropped)
        self.assertLess(len(said), 6000)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _memory() -> int:
    text = Path("/proc/self/statm").read_text(encoding="utf-8")
    return int(text.split()[1]) * 4096
