"""The pages for those who come from redis-tasks and from Celery are true."""

from __future__ import annotations

import inspect
import re
from typing import Any

from twisted.trial.unittest import SynchronousTestCase, TestCase

from pipeline.applications.tasks import TaskApplicationConfig
from pipeline.config.names import resolve
from pipeline.config.settings import NamespaceConfig
from pipeline.tasks import Task, chain
from pipeline.tasks.processes.options import ProcessesConfig
from pipeline.tasks.schedule.configured import EntryConfig
from tests.service.support import PIPELINE, ROOT, Process
from tests.tasks.test_guide_page import Member
from tests.test_tutorial import blocks

REDIS_TASKS = "docs/porting-from-redis-tasks.md"
CELERY = "docs/coming-from-celery.md"


def text(page: str) -> str:
    """What a page says."""
    return (ROOT / page).read_text(encoding="utf-8")


class Names(SynchronousTestCase):
    """What the pages name is there."""

    def test_ours(self) -> None:
        """Every name of ours can be had, wherever it stands."""
        for page, least in ((REDIS_TASKS, 18), (CELERY, 15)):
            names = set(re.findall(r"`(pipeline\.[\w.]+)`", text(page)))
            self.assertGreater(len(names), least)
            for name in names:
                self.assertIsNotNone(resolve(name), name)

    def test_told_once(self) -> None:
        """Each of the old names is told once."""
        for page in (REDIS_TASKS, CELERY):
            old = re.findall(r"^\| `([\w.]+)` \| `pipeline", text(page), re.MULTILINE)
            self.assertGreater(len(old), 15)
            self.assertEqual(sorted(set(old)), sorted(old))

    def test_settings(self) -> None:
        """Each option that stands for a setting of redis-tasks is one of the file, of a worker or
        of an entry."""
        rows = re.findall(r"^\| `[A-Z_]+` \| `(\w+)` \|", text(REDIS_TASKS), re.MULTILINE)
        self.assertGreater(len(rows), 7)
        configs: tuple[Any, ...] = (TaskApplicationConfig, NamespaceConfig, EntryConfig)
        known = {"middleware", *(field.name for config in configs for field in config.fields())}
        self.assertEqual(set(), set(rows) - known)

    def test_options(self) -> None:
        """Options of tasks and workers that the page about Celery names are there."""
        options = {
            "retries",
            "backoff",
            "timeout",
            "reentrant",
            "ttl",
            "unique",
            "keep_result",
            "ignore_result",
        }
        parameters = set(inspect.signature(Task).parameters)
        self.assertEqual(set(), options - parameters)
        self.assertIn("[thirteen options more]", text(REDIS_TASKS))
        self.assertEqual(13, len(parameters - {"function", "reentrant", "timeout"}))
        fields = {field.name for field in ProcessesConfig.fields()}
        self.assertLessEqual({"processes", "recycle_calls", "recycle_memory"}, fields)

    def test_the_slip(self) -> None:
        """``run(*args, *kwargs)`` hands on names, as the page says."""
        given: list[Any] = []
        exec(
            "run(*args, *kwargs)",
            {"run": lambda *a: given.extend(a), "args": (1,), "kwargs": {"x": 2}},
        )
        self.assertEqual([1, "x"], given)
        self.assertIn("`run(*args, *kwargs)`", text(REDIS_TASKS))


class Newcomer(Member):
    """Somebody who does what a page says, with one worker."""

    def begin(self, page: str, file: str, worker: str) -> Process:
        """Write all files, and run one."""
        for block in blocks(page):
            self.case.assertTrue(block.file, block.text)
            (self.folder / block.file).write_text(block.text, encoding="utf-8")
        self.running = Process(PIPELINE, "run", file, cwd=self.folder, PYTHONUNBUFFERED="1")
        self.running.wait_for_error(f"worker {worker!r} is ready")
        return self.running


class Examples(TestCase):
    """The examples of both pages run."""

    timeout = 120

    def test_redis_tasks(self) -> None:
        """Middleware and settings that were written for redis-tasks do here what they did there."""
        reader = Newcomer(self)
        process = reader.begin(REDIS_TASKS, "billing.yaml", "billing")
        self.assertIn("bill 17 is sent", reader.do("python send.py"))
        reader.running = None
        self.addCleanup(process.kill)
        status, out, err = process.terminate()
        self.assertEqual(0, status, out + err)
        self.assertIn("billing.bill took 0.", out + err)
        self.assertIn("billing.bill(17): done", out + err)

    def test_celery(self) -> None:
        """Calls from code without a reactor, and one that is tried again."""
        reader = Newcomer(self)
        reader.begin(CELERY, "tasks.yaml", "celery")
        self.assertEqual(
            ["4", "http://x: fetched at try 2"], reader.do("python call.py").splitlines()
        )
        (reader.folder / "chained.py").write_text(CHAINED, encoding="utf-8")
        self.assertEqual("16", reader.do("python chained.py").strip())
        self.assertTrue(callable(chain))


#: The chain of the page, sent from Twisted.
CHAINED = """
from twisted.internet.task import react
from pipeline import connect
from tasks import work

async def main(reactor):
    async with await connect("tasks.yaml"):
        print(await (await work().send()).result(timeout=30))

react(main)
"""
