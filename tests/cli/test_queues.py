"""``pipeline queues``: real commands against a worker in a process, over Redis."""

from __future__ import annotations

import argparse
import io
import json
import re
import shlex
import signal
import sys
from pathlib import Path
from typing import Any

from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SynchronousTestCase, TestCase

from pipeline.cli import queues
from pipeline.errors import TaskFailed
from pipeline.service.connect import connect
from pipeline.tasks.states.reading import counts
from pipeline.testing.server import shared_server, unique_namespace
from tests.cli import queuetasks
from tests.service.support import Process, command, written

ROOT = Path(__file__).resolve().parents[2]
QUEUE = "tasks.inbound"
SYSTEM = """\
namespace: {namespace}
redis: {address}
partitions: 2
workers:
  work:
    class: pipeline.applications.tasks.TaskApplication
    transport_name: tasks
    tasks: [tests.cli.queuetasks]
"""


class WrongUse(SynchronousTestCase):
    """What can't be is said before anything is done."""

    def test_wrong(self) -> None:
        """The status is 2, and the text says what would be right."""
        said = {
            ("peek", "f", "q", "--id", "five"): "an id is as 1763719200123-0, got 'five'",
            ("peek", "f", "q", "--delayed", "--in-flight"): "not both",
            ("peek", "f", "q", "--partition", "-1"): "expected a number from 0",
            ("peek", "f"): "QUEUE",
            ("pause", "f"): "QUEUE",
            ("pause", "f", "q", "--reason", "x" * 501): "reason has 501 characters",
            ("list", "f", "--interval", "soon"): "--interval",
        }
        for words, text in said.items():
            parser = argparse.ArgumentParser()
            queues.add_arguments(parser)
            self.patch(sys, "stderr", io.StringIO())
            error = self.assertRaises(SystemExit, lambda: queues.run(parser.parse_args(words)))  # noqa: B023
            self.assertEqual(2, error.code)
            self.assertIn(text, sys.stderr.getvalue())  # type: ignore[attr-defined]


class Queues(TestCase):
    """An operator's evening."""

    timeout = 240

    async def setUp(self) -> None:
        from twisted.internet import reactor

        self.reactor: Any = reactor
        namespace, address = unique_namespace(), shared_server()
        self.file = written(self, SYSTEM.format(namespace=namespace, address=address))
        self.sending = await connect(self.file, reactor)
        self.addCleanup(self.sending.close)

    async def ended(self, action: str, *words: str) -> tuple[int, str, str]:
        """Status, output and errors of a command."""
        process = command(self, "queues", action, self.file, *words)
        found: tuple[int, str, str] = await deferToThread(process.end)
        return found

    async def told(self, action: str, *words: str) -> dict[str, Any]:
        """What a command answers in JSON."""
        code, out, err = await self.ended(action, *words, "--json")
        self.assertEqual((0, ""), (code, err))
        found: dict[str, Any] = json.loads(out)
        return found

    async def worker(self) -> Process:
        """A process that runs the tasks."""
        process = command(self, "run", self.file)
        await deferToThread(process.wait_for_error, "worker 'work' is ready")
        return process

    async def test_page(self) -> None:
        """The page's session does what it says, also over the death of the worker: what is paused
        is taken by none, what is purged never runs, and what is sent after that does."""
        first = await self.worker()
        page = (ROOT / "docs" / "status.md").read_text(encoding="utf-8")
        session = re.findall(
            r"^\$ pipeline queues (\w+) shop\.yaml ?(.*)\n((?:(?!\$|```).*\n)*)", page, re.MULTILINE
        )
        actions = [action for action, _, _ in session]
        self.assertEqual(["pause", "list", "peek", "purge", "resume"], actions)
        handles: list[Any] = []
        for action, words, printed in session:
            code, out, err = await self.ended(action, *shlex.split(words))
            self.assertEqual((0, ""), (code, err), action)
            self.assertEqual(_shape(printed), _shape(out), action)
            if action == "pause":
                await deferToThread(first.wait_for_error, f"{QUEUE} is paused by ")
                handles = [await queuetasks.double.send(n) for n in range(3)]
            if action == "list":
                first.signal(signal.SIGKILL)
                second = await self.worker()
        for handle in handles:
            self.assertEqual("cancelled", (await handle.status()).state)
            with self.assertRaises(TaskFailed) as caught:
                await handle.result(timeout=30)
            self.assertEqual("cancelled", caught.exception.status)
        self.assertEqual(10, await (await queuetasks.double.send(5)).result(timeout=30))
        await deferToThread(second.terminate)

    async def test_each_kind(self) -> None:
        """What is in flight is seen with its worker, what is delayed with when it is due; the
        latter can be thrown away, and one message be looked at whole."""
        later = await queuetasks.double.send_with_options((1,), delay=1000)
        await self.worker()
        running = await queuetasks.endless.send()
        while (await running.status()).state != "running":
            await deferToThread(lambda: None)
        [held] = (await self.told("peek", QUEUE, "--in-flight"))["messages"]
        self.assertEqual(("in_hand", "queues.endless"), (held["kind"], held["message"]["task"]))
        self.assertTrue(held["worker"].startswith("work-"), held)
        [delayed] = (await self.told("peek", QUEUE, "--delayed"))["messages"]
        whole = await self.told("peek", QUEUE, "--id", delayed["id"])
        self.assertEqual(([], later.id), (whole["history"], whole["message"]["message_id"]))
        self.assertEqual([], (await self.told("peek", QUEUE))["messages"])

        tally = await self.told("purge", QUEUE, "--delayed", "--yes")
        self.assertEqual((1, "delayed"), (tally["purged"], tally["kind"]))
        self.assertEqual("cancelled", (await later.status()).state)
        code, _, err = await self.ended("peek", QUEUE, "--id", delayed["id"])
        self.assertEqual((1, f"not there: {delayed['id']}\n"), (code, err))
        code, out, err = await self.ended("pause", "taks.inbound")
        self.assertEqual((1, ""), (code, out))
        self.assertIn("there is no queue 'taks.inbound': did you mean 'tasks.inbound'?", err)
        self.assertTrue(await running.cancel())

    async def test_killed(self) -> None:
        """A purge that is killed in its midst leaves each call there and queued, or gone and
        cancelled; a second one does the rest."""
        count = 1200
        for n in range(count):
            await queuetasks.double.send(n)
        broker = self.sending.broker
        purging = command(self, "queues", "purge", self.file, QUEUE, "--yes")
        while (await broker.depth(QUEUE)).waiting == count:
            await deferLater(self.reactor, 0.005)
        purging.signal(signal.SIGKILL)
        self.assertEqual(-signal.SIGKILL, (await deferToThread(purging.end))[0])
        left = (await broker.depth(QUEUE)).waiting
        self.assertTrue(0 < left < count, left)
        known = (await counts(broker))["queues.double"]
        self.assertEqual((left, count - left), (known["live"], known["cancelled"]))
        self.assertEqual(left, (await self.told("purge", QUEUE, "--yes"))["purged"])
        self.assertEqual(0, (await counts(broker))["queues.double"]["live"])


def _shape(text: str) -> list[list[str]]:
    """Words, with what differs from time to time alike."""
    text = re.sub(r"\b\d{13}-\d+(/\d)?", "ID", text)
    text = re.sub(r"\{.*\}", "MESSAGE", text)
    text = re.sub(r"by \S+ since [\d: -]+UTC", "by SOMEBODY", text)
    lines = [re.sub(r"\b\d+[smhd]\b", "AGE", line) for line in text.split("\n")]
    return [line.split() for line in lines if line.strip()]
