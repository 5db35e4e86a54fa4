"""``pipeline tasks``: real commands, a real worker, a real server."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from twisted.trial.unittest import TestCase

from tests.quick import SKIP
from tests.service.support import PIPELINE, ROOT, command, written

SYSTEM = """
namespace: cli
redis: embedded://{folder}
workers:
  work:
    class: pipeline.applications.tasks.TaskApplication
    transport_name: tasks
    tasks: [tests.cli.clitasks]
"""


class Tasks(TestCase):
    """What an operator types."""

    skip = SKIP

    timeout = 180

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        self.file = written(self, SYSTEM.format(folder=self.folder))

    def start(self) -> Any:
        """A worker that runs."""
        process = command(self, "run", self.file)
        process.wait_for_error("worker 'work' is ready")
        return process

    def type(self, action: str, *words: str, status: int = 0) -> str:
        """What a command prints; its standard error too when it fails."""
        done = subprocess.run(
            [sys.executable, "-c", PIPELINE, "tasks", action, self.file, *words],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        self.assertEqual(status, done.returncode, done.stderr)
        return done.stdout if status == 0 else done.stdout + done.stderr

    def test_run(self) -> None:
        """A task is called with arguments from the command line, and its result is printed."""
        self.start()
        self.assertEqual("3\n", self.type("run", "add", "1", "b=2"))
        answer = json.loads(self.type("run", "add", "1", "--json"))
        self.assertEqual(1, answer["result"])
        failed = self.type("run", "needs", "no/such/file", status=1)
        self.assertIn("PermanentFailure: there is no no/such/file", failed)
        self.assertIn("clitasks.py", failed)
        self.assertIn("did you mean 'add'?", self.type("run", "ad", "1", status=1))
        self.assertIn("argument 'a' is missing", self.type("run", "add", status=1))

    def test_look(self) -> None:
        """Calls are listed, counted and shown; an id that nobody knows is told."""
        self.start()
        self.type("run", "add", "1", "b=2")
        self.type("run", "needs", "no/such/file", status=1)
        listed = self.type("list")
        self.assertRegex(listed, r"needs +failed +1 .*there is no no/such/file")
        self.assertRegex(listed, r"add +finished")
        self.assertIn("2 calls", listed)
        [finished] = json.loads(self.type("list", "--state", "finished", "--json"))["calls"]
        shown = self.type("show", finished["id"])
        self.assertRegex(shown, r"result +3\n")
        self.assertEqual(3, json.loads(self.type("show", finished["id"], "--json"))["result"])
        self.assertIn("nothing is known of the call nope", self.type("show", "nope", status=1))
        stats = json.loads(self.type("stats", "--json"))
        self.assertEqual((1, 1), (stats["add"]["finished"], stats["needs"]["failed"]))
        self.assertRegex(self.type("stats"), r"needs +0 +0 +1 +0")
        self.assertEqual("0 calls\n", self.type("list", "--older", "1h"))

    def test_cancel(self) -> None:
        """A call that runs is cancelled; one that has ended is not."""
        self.start()
        call = self.type("run", "slow", "60", "--no-wait").strip()
        while "running" not in self.type("show", call):
            pass
        self.assertRegex(self.type("show", call), r"progress +\d+/600 sleeping")
        self.assertEqual("1 call cancelled\n", self.type("cancel", call))
        self.assertIn("cancelled", self.type("show", call))
        self.assertEqual("0 calls cancelled, 1 had ended already\n", self.type("cancel", call))

    def test_purge(self) -> None:
        """Calls that wait are thrown away together, once somebody has said yes."""
        worker = self.start()
        for _ in range(3):
            self.type("run", "add", "1", "--delay", "1h", "--no-wait")
        refused = self.type("purge", "--task", "add", status=1)
        self.assertIn("3 calls would be cancelled; --yes says yes", refused)
        self.assertEqual("3 calls cancelled\n", self.type("purge", "--task", "add", "--yes"))
        self.assertEqual(0, json.loads(self.type("stats", "--json"))["add"]["live"])
        self.assertEqual(0, worker.terminate()[0])

    def test_requeue(self) -> None:
        """A call that has failed is put back, and is one that waits, or has ended well, again."""
        self.start()
        wanted = Path(self.mktemp()).absolute()
        self.type("run", "needs", str(wanted), status=1)
        wanted.write_text("here", encoding="utf-8")
        [failed] = json.loads(self.type("list", "--state", "failed", "--json"))["calls"]
        self.assertEqual("1 call requeued\n", self.type("requeue", failed["id"]))
        while "finished" not in self.type("show", failed["id"]):
            pass
        self.assertEqual("0 calls requeued\n", self.type("requeue", "--all"))

    def test_json(self) -> None:
        """What is done to calls is told in JSON: how many, how many not, and ids nobody knows."""
        self.start()
        one, two, _ = (self.delayed() for _ in range(3))
        self.type("run", "needs", "no/such/file", status=1)
        [failed] = json.loads(self.type("list", "--state", "failed", "--json"))["calls"]
        for action, words, status, told in (
            ("cancel", [one, "nope"], 1, {"cancelled": 1, "others": 0, "missing": ["nope"]}),
            ("cancel", [one, two], 0, {"cancelled": 1, "others": 1, "missing": []}),
            ("purge", ["--task", "add", "--yes"], 0, {"cancelled": 1, "others": 0, "missing": []}),
            ("requeue", [one, "nope"], 1, {"requeued": 0, "others": 1, "missing": ["nope"]}),
            ("requeue", [failed["id"]], 0, {"requeued": 1, "others": 0, "missing": []}),
        ):
            said = self.type(action, *words, "--json", status=status).splitlines()
            self.assertEqual(told, json.loads(said[0]), f"{action} {words}")
            unknown = [f"pipeline: nothing is known of the call {id}" for id in told["missing"]]
            self.assertEqual(unknown, said[1:])

    def delayed(self) -> str:
        """The id of a call that waits for an hour."""
        return self.type("run", "add", "1", "--delay", "1h", "--no-wait").strip()

    def test_nobody(self) -> None:
        """A call that no worker can take, and one that none takes, are told as such."""
        file = written(
            self,
            SYSTEM.format(folder=self.folder).replace(
                "transport_name: tasks", "transport_name: web"
            ),
        )
        self.file, ours = file, self.file
        self.start()
        said = self.type("run", "add", "1", "--timeout", "2500ms", status=1)
        self.assertIn(f"no worker of {file} reads 'tasks', where calls of add go", said)
        self.assertRegex(said, r"waiting for the call [0-9a-f]{32}\n")
        self.assertIn("the call goes on without us", said)
        self.assertIn("no result after 2.5 s", said)
        self.file = ours
        self.assertNotIn("no worker of", self.type("run", "add", "1", "--timeout", "1s", status=1))

    def test_wrong(self) -> None:
        """What is not said clearly enough is not done."""
        for action in ("show", "cancel", "requeue", "purge"):
            self.assertIn("say which calls", self.type(action, status=2))
        self.assertIn("not both", self.type("cancel", "x", "--all", status=2))

    def test_page(self) -> None:
        """The page's commands do what it says."""
        self.start()
        page = (ROOT / "docs" / "task-cli.md").read_text(encoding="utf-8")
        commands = re.findall(
            r"^\$ pipeline tasks (\w+) shop\.yaml ?(.*)\n((?:(?!\$|```).*\n)*)", page, re.MULTILINE
        )
        self.assertEqual(4, len(commands))
        for action, words, printed in commands:
            said = self.type(action, *words.split())
            self.assertEqual(_shape(printed), _shape(said), f"{action} {words}")


def _shape(text: str) -> list[list[str]]:
    """Words, with ids and ages alike."""
    lines = re.sub(r"\b[0-9a-f]{32}\b", "ID", text).split("\n")
    lines = [re.sub(r"\b\d+[smhd]\b", "AGE", line) for line in lines]
    return [line.split() for line in lines if line.strip()]
