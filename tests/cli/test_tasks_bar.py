"""``pipeline tasks`` on a terminal: a bar shows how far it is, and is gone at the end."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from pipeline.applications.tasks import TaskApplication
from pipeline.tasks.client import Client
from pipeline.tasks.options import SendOptions
from pipeline.tasks.registry import Task
from pipeline.testing import OnServer, WorkerHelper
from pipeline.testing.server import shared_server
from tests.cli import bursting
from tests.quick import SKIP
from tests.service.support import PIPELINE, command, written

#: So many calls that no machine is done before the bar is first drawn.
MANY = 3000

BAR = r"\r[#.]{24} +\d+% \d+/%s  \d+/s\x1b\[K"


class OnTerminal(TestCase):
    """Standard input, output and error of the command are a terminal."""

    skip = SKIP

    timeout = 180

    async def setUp(self) -> None:
        self.helper = WorkerHelper("tasks", place=OnServer())
        self.addCleanup(self.helper.cleanup)
        self.file = written(
            self,
            f"namespace: {self.helper.place.namespace}\nredis: {shared_server()}\nworkers:\n"
            "  work: {class: pipeline.applications.tasks.TaskApplication,"
            " transport_name: tasks, tasks: [tests.cli.bursting, tests.cli.clitasks]}\n",
        )

    async def send(self, task: Task[Any, Any], args: list[Any], delay: float | None = None) -> None:
        """Send many calls."""
        client = Client(await self.helper.place.runtime())
        self.addCleanup(lambda: Deferred.fromCoroutine(client.stop()))
        for _ in range(MANY):
            await client.send(task, args, options=SendOptions(delay=delay))

    async def type(self, action: str, *words: str, answer: bytes = b"") -> str:
        """What a command draws and prints; its status must be 0."""
        ours, theirs = pty.openpty()
        self.addCleanup(os.close, ours)
        os.write(ours, answer)
        process = subprocess.Popen(
            [sys.executable, "-c", PIPELINE, "tasks", action, self.file, *words],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        self.addCleanup(process.kill)
        os.close(theirs)
        said: str = await deferToThread(_read, ours)
        self.assertEqual(0, await deferToThread(process.wait), said)
        return said

    def assert_drawn(self, said: str, total: str, end: str) -> None:
        """A bar was drawn, and was taken away before the end was printed."""
        self.assertRegex(said, BAR.replace("%s", total))
        self.assertTrue(said.endswith(f"\r\033[K{end}\r\n"), said[-300:])

    async def test_cancel(self) -> None:
        """While calls are cancelled."""
        await self.send(bursting.add, [1], delay=3600)
        said = await self.type("cancel", "--all")
        self.assert_drawn(said, str(MANY), f"{MANY} calls cancelled")

    async def test_purge(self) -> None:
        """While calls are thrown away, once somebody has answered yes."""
        await self.send(bursting.add, [1], delay=3600)
        said = await self.type("purge", "--task", bursting.add.name, answer=b"y\n")
        self.assertIn(f"Cancel {MANY} calls? [y/N] ", said)
        self.assert_drawn(said, str(MANY), f"{MANY} calls cancelled")

    async def test_requeue(self) -> None:
        """While calls are put back."""
        options = {"transport_name": "tasks", "tasks": [bursting.__name__]}
        worker = await self.helper.get_worker(TaskApplication, options)
        await self.send(bursting.hopeless, [])
        await self.helper.until(self._have_failed)
        await self.helper.cleanup_worker(worker)
        said = await self.type("requeue", "--all")
        self.assert_drawn(said, r"\d+", f"{MANY} calls requeued")

    async def _have_failed(self) -> bool:
        return (await self.helper.depth("tasks.inbound")).dead == MANY

    async def test_run(self) -> None:
        """While a call runs that says how far it is."""
        command(self, "run", self.file).wait_for_error("worker 'work' is ready")
        said = await self.type("run", "slow", "3")
        self.assert_drawn(said, "30", '"done"')


def _read(terminal: int) -> str:
    """All that is written to a terminal, until nobody has it any more."""
    parts = []
    try:
        while part := os.read(terminal, 65_536):
            parts.append(part)
    except OSError:  # so Linux says that it is over
        pass
    return b"".join(parts).decode()
