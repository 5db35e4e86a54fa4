"""Sending tasks from a program that has no reactor."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import TestCase

from pipeline.config.schemas import SystemConfig
from pipeline.demo.tasks import add
from pipeline.errors import BrokerUnavailable, ConfigError
from pipeline.service.connect_sync import connect_sync
from tests.service.support import ROOT, twistd, written
from tests.service.test_connect import SIGNED, SYSTEM

PROGRAM = """
import sys
import pipeline
from pipeline.demo.tasks import add

with pipeline.connect_sync(sys.argv[1], sends_as="work"):
    print([add.send_sync(n, 40).result_sync(30) for n in range(3)])
print({"twisted.internet.reactor", "txredisapi"} & set(sys.modules))
"""

WAITING = """
redis: redis://127.0.0.1:1
workers:
  work:
    class: pipeline.applications.tasks.TaskApplication
    transport_name: tasks
    tasks: [pipeline.demo.tasks]
    middleware: [{slow: tests.service.test_connect_sync.SlowlySetUp}]
"""


class SlowlySetUp:
    """Its set-up waits."""

    def __init__(self, name: str, config: object, worker: object) -> None: ...

    def setup_middleware(self) -> object:
        from twisted.internet.defer import Deferred

        return Deferred()


class Connecting(TestCase):
    """A script, a worker in another process, and a server."""

    timeout = 120

    def setUp(self) -> None:
        self.patch(sys, "path", list(sys.path))
        self.folder = Path(self.mktemp()).absolute()

    def test_script(self) -> None:
        """A script sends and waits; no reactor and no client for one is loaded."""
        file = written(self, SYSTEM.format(folder=self.folder))
        work = twistd(self, "pipeline", "--config", file)
        work.wait_for("worker 'work' is ready")
        script = [sys.executable, "-c", PROGRAM, file]
        done = subprocess.run(script, cwd=ROOT, capture_output=True, text=True, check=False)
        self.assertEqual("[40, 41, 42]\nset()\n", done.stdout, done.stderr)
        self.assertEqual(0, work.terminate()[0])

    def test_page(self) -> None:
        """The page's example does what it says, with a worker that runs its tasks."""
        text = (ROOT / "docs" / "tasks-from-sync-code.md").read_text(encoding="utf-8")
        [example] = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
        file = written(self, SYSTEM.format(folder=self.folder))
        work = twistd(self, "pipeline", "--config", file)
        work.wait_for("worker 'work' is ready")
        script = [sys.executable, "-c", example, file]
        done = subprocess.run(script, cwd=ROOT, capture_output=True, text=True, check=False)
        self.assertRegex(done.stdout, r"^[0-9a-f]{32} 42\n$", done.stderr)

    def test_not_running(self) -> None:
        """An embedded server that doesn't run is said, at the first call."""
        connected = connect_sync(written(self, SYSTEM.format(folder=self.folder)))
        self.addCleanup(connected.close)
        with self.assertRaisesRegex(BrokerUnavailable, "does not run: start the system first"):
            add.send_sync(1, 2)

    def test_unreachable(self) -> None:
        """What nobody else can reach is refused, with what to do."""
        for redis in ("memory://", "embedded://"):
            with self.assertRaisesRegex(ConfigError, "embedded://FOLDER"):
                connect_sync(SystemConfig(redis=redis))
        with self.assertRaises(ConfigError):
            connect_sync(SystemConfig(redis="http://x"))

    def test_no_such_worker(self) -> None:
        """The worker whose middleware is passed must be there."""
        with self.assertRaisesRegex(ConfigError, "no worker 'work2'"):
            connect_sync(written(self, SYSTEM.format(folder=self.folder)), sends_as="work2")

    def test_set_up_waits(self) -> None:
        """Middleware whose set-up waits is an error that names its worker."""
        connected = connect_sync(written(self, WAITING), sends_as="work")
        self.addCleanup(connected.close)
        with self.assertRaisesRegex(ConfigError, "'work' waits for something in its set-up"):
            add.send_sync(1, 2)

    def test_signed(self) -> None:
        """The file of the sibling that has a reactor is refused for its server, not its form."""
        with self.assertRaisesRegex(ConfigError, "lives in the process"):
            connect_sync(written(self, SIGNED))
