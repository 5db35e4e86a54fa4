"""``pipeline new``: a project that runs, as it is made."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import socket
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from urllib.request import urlopen

from twisted.trial.unittest import SkipTest, TestCase

from tests.quick import SKIP
from tests.service.support import PATIENCE, PIPELINE, ROOT, Process
from tests.test_examples import post
from tests.test_two_processes import free_port


def new(*args: str) -> tuple[int, str, str]:
    """Run the command here: status, output, errors."""
    from pipeline.cli.main import main

    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            main(["new", *args])
        except SystemExit as ended:
            return int(ended.code or 0), out.getvalue(), err.getvalue()
    raise AssertionError("it did not end")


class Made(TestCase):
    """The project by itself."""

    skip = SKIP

    timeout = 180

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute() / "my_shop"
        self.status, self.said, _ = new("my_shop", "--dir", str(self.folder))

    def run_here(self, *words: str) -> str:
        """What a command of Python says in the project's folder, if it goes well."""
        done = subprocess.run(
            [sys.executable, *words],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)
        return done.stdout

    def test_said(self) -> None:
        """It says what was made, and what to do next; then the project's own tests pass, its
        configuration is right, and its code is as its tools want it."""
        self.assertEqual(0, self.status)
        for words in ("made  ", "  my_shop/application.py\n", "python -m twisted.trial tests"):
            self.assertIn(words, self.said)
        said = self.run_here("-m", "twisted.trial", "tests")
        self.assertRegex(said, r"PASSED \(successes=7\)")
        self.assertIn("7 passed", self.run_here("-m", "pytest", "-q", "-p", "no:cacheprovider"))
        self.assertIn("OK", self.run_here("-c", PIPELINE, "check", "my_shop.yaml"))
        given = '{"content": " hi ", "from_addr": "ada"}'
        words = ("trace", "my_shop.yaml", "--message", given, "--handle")
        self.assertIn("Hello ada, this is your message 1.", self.run_here("-c", PIPELINE, *words))

    def test_runs(self) -> None:
        """It runs with a server of its own, tells systemd when it is ready, answers a message,
        calls its task as the README says, is ready by its own account, and ends in good order."""
        web, monitor = free_port(), free_port()
        told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(told.close)
        # Short, as paths of sockets must be.
        place = os.path.relpath(self.folder.parent / "notify")
        told.bind(place)
        told.settimeout(PATIENCE)
        process = Process(
            PIPELINE,
            "run",
            "my_shop.yaml",
            cwd=self.folder,
            WEB_LISTEN=f"tcp:{web}:interface=127.0.0.1",
            MONITOR_LISTEN=f"tcp:{monitor}:interface=127.0.0.1",
            NOTIFY_SOCKET=os.path.abspath(place),
        )
        self.addCleanup(process.kill)
        while b"READY=1" not in told.recv(4096):
            pass
        status, answer = post(web, "/messages", {"from_addr": "ada", "content": "hi"})
        self.assertEqual((200, "Hello ada, this is your message 1."), (status, answer["content"]))
        readme = (self.folder / "README.md").read_text(encoding="utf-8")
        [line] = re.findall(r"^\$ pipeline (tasks run .*)$", readme, re.MULTILINE)
        self.assertEqual("3\n", self.run_here("-c", PIPELINE, *shlex.split(line)))
        with urlopen(f"http://127.0.0.1:{monitor}/ready", timeout=PATIENCE) as response:
            self.assertTrue(json.load(response)["ready"])
        with urlopen(f"http://127.0.0.1:{monitor}/metrics", timeout=PATIENCE) as response:
            self.assertIn(b"pipeline_", response.read())
        self.assertEqual(0, process.terminate()[0])

    def test_unit(self) -> None:
        """systemd finds nothing wrong with the unit."""
        unit = self.folder / "deploy" / "my_shop.service"
        text = unit.read_text(encoding="utf-8")
        command = "/srv/my_shop/.venv/bin/pipeline"
        self.assertIn(f"ExecStart={command} run ", text)
        unit.write_text(text.replace(command, sys.executable), encoding="utf-8")
        try:
            done = subprocess.run(
                ["systemd-analyze", "verify", str(unit)],
                capture_output=True,
                text=True,
                timeout=PATIENCE,
                check=False,
            )
        except FileNotFoundError:
            raise SkipTest("there is no systemd-analyze") from None
        self.assertEqual("", "\n".join(x for x in done.stderr.splitlines() if "my_shop" in x))


class Refused(TestCase):
    """What can't be made."""

    def test_wrong(self) -> None:
        """A name or a folder that won't do is said in a line, and nothing is made."""
        folder = Path(self.mktemp()).absolute()
        status, said, errors = new("my-shop", "--dir", str(folder))
        self.assertEqual((1, ""), (status, said))
        self.assertIn("(as my_shop)", errors)
        self.assertFalse(folder.exists())
        folder.mkdir(parents=True)
        (folder / "mine").touch()
        status, _, errors = new("my_shop", "--dir", str(folder))
        self.assertEqual(1, status)
        self.assertIn("is not empty", errors)
        self.assertEqual(2, new()[0])
