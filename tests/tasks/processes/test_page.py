"""docs/task-processes.md is true: its files are checked and run; its numbers are the code's."""

from __future__ import annotations

import hashlib
import importlib
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from twisted.trial.unittest import TestCase

from pipeline.applications.tasks import TaskApplicationConfig
from pipeline.service.connect import connect
from pipeline.tasks import registry
from pipeline.tasks.processes.pool import PUT_OFF
from pipeline.tasks.processes.speech import ALLOWED
from pipeline.tasks.processes.wire import LARGEST
from pipeline.tasks.run import LAST
from tests.cli.test_check import check
from tests.service.support import ROOT, twistd
from tests.test_tutorial import blocks

PAGE = "docs/task-processes.md"
TEXT = (ROOT / PAGE).read_text(encoding="utf-8")


class Files(TestCase):
    """Somebody does what the page says."""

    timeout = 120

    def written(self) -> Path:
        """A folder with the files of the page, from which they can be imported."""
        # Not in the tests' own folder: the path of a socket must be short.
        folder = Path(tempfile.mkdtemp(prefix="page-"))
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        for block in blocks(PAGE):
            if block.file:
                text = block.text.replace("embedded://", f"embedded://{folder}/data")
                (folder / block.file).write_text(text, encoding="utf-8")
        self.patch(sys, "path", [str(folder), *sys.path])
        self.patch(registry, "_known", dict(registry._known))
        self.addCleanup(sys.modules.pop, "jobs", None)
        return folder

    def test_check(self) -> None:
        """The configuration is right."""
        self.assertEqual((0, ""), check(str(self.written() / "jobs.yaml"))[::2])

    async def test_runs(self) -> None:
        """The task runs in a child, its result comes back, and what it has sent is done."""
        folder = self.written()
        process = twistd(self, "pipeline", "--config", str(folder / "jobs.yaml"))
        process.wait_for("worker 'jobs' is ready")
        jobs = importlib.import_module("jobs")
        async with await connect(str(folder / "jobs.yaml")):
            handle = await jobs.stretch.send("secret", 1000)
            wanted = hashlib.pbkdf2_hmac("sha256", b"secret", b"salt", 1000).hex()
            self.assertEqual(wanted, await handle.result(timeout=60))
        process.wait_for("noted: one more key")
        self.assertEqual(0, process.terminate()[0])
        self.assertTrue([line for line in process.lines if "stdout: stretched 1000 times" in line])


class Numbers(TestCase):
    """What the page says in numbers and names, the code has."""

    def test_options(self) -> None:
        """The options of the table are those of the worker."""
        rows = [line.split("`")[1] for line in TEXT.splitlines() if line.startswith("| `")]
        fields = {field.name: field for field in TaskApplicationConfig.fields()}
        self.assertEqual(["processes", "recycle_calls", "recycle_memory", "preload"], rows[:4])
        self.assertEqual([None, None, None, ""], [fields[name].default for name in rows[:4]])

    def test_limits(self) -> None:
        """Sizes and times."""
        said: dict[str, Any] = {
            f"{LARGEST // 2**20} MB at most": LARGEST,
            f"After {ALLOWED // 1024} kB of one call": ALLOWED,
            f"has not ended {LAST:g} s later": LAST,
        }
        self.assertEqual([], [each for each in said if each not in TEXT.replace("\n", " ")])
        self.assertEqual(10, PUT_OFF)
        self.assertIn("put off for ten seconds", TEXT.replace("\n", " "))
