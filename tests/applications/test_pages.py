"""docs/conversations.md is true: its files are written, checked, tested and run."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import TestCase

from pipeline.applications.base import Application
from tests.cli.test_check import check
from tests.service.support import ROOT, command
from tests.test_examples import post
from tests.test_tutorial import blocks
from tests.test_two_processes import free_port

PAGE = "docs/conversations.md"


class Conversations(TestCase):
    """Somebody does what the page says."""

    timeout = 180

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir(parents=True)
        self.ports = {name: free_port() for name in ("8023", "8080", "8081")}
        for block in blocks(PAGE):
            text = block.text
            for port, free in self.ports.items():
                text = text.replace(f"tcp:{port}", f"tcp:{free}")
            if block.file:
                (self.folder / block.file).write_text(text, encoding="utf-8")

    def test_tests(self) -> None:
        """The page's tests pass."""
        path = os.pathsep.join([str(ROOT), str(self.folder)])
        done = subprocess.run(
            [sys.executable, "-m", "twisted.trial", "test_talk"],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)
        self.assertIn("successes=2", done.stdout)

    def test_configurations(self) -> None:
        """Its configurations are right."""
        self.patch(sys, "path", list(sys.path))
        for name in ("quiz", "alarm"):
            status, _, wrong = check(str(self.folder / f"{name}.yaml"))
            self.assertEqual((0, ""), (status, wrong))

    def test_quiz(self) -> None:
        """The quiz runs over lines, to its end."""
        process = command(self, "run", str(self.folder / "quiz.yaml"))
        process.wait_for_error("worker 'lines' is ready")
        with (
            socket.create_connection(("127.0.0.1", self.ports["8023"]), 60) as client,
            client.makefile("r", encoding="utf-8", newline="\r\n") as heard,
        ):
            self.assertEqual("What is 2 + 2?\r\n", heard.readline())
            client.sendall(b"5\n")
            self.assertEqual("What is the capital of France?\r\n", heard.readline())
            client.sendall(b"Paris\n")
            self.assertEqual("1 of 2 right.\r\n", heard.readline())
            self.assertEqual("", heard.readline())
        self.assertEqual(0, process.terminate()[0])

    def test_alarm(self) -> None:
        """The alarm runs: what answers nothing goes out by the other transport, whose nack comes
        back, since nobody waits there."""
        process = command(self, "run", str(self.folder / "alarm.yaml"))
        for name in ("web", "sms"):
            process.wait_for_error(f"worker {name!r} is ready")
        said = {"from_addr": "ada", "content": "fire!"}
        status, answer = post(self.ports["8080"], "/messages?wait=30", said)
        self.assertEqual((200, "They know."), (status, answer["content"]))
        process.wait_for_error("nobody was woken: no request waits for this")
        self.assertEqual(0, process.terminate()[0])

    def test_methods(self) -> None:
        """Every method that the page names is there."""
        text = (ROOT / PAGE).read_text(encoding="utf-8")
        rows = [line for line in text.splitlines() if line.startswith("| `") and "(" in line]
        names = [word.split("(")[0] for row in rows for word in row.split("`")[1::2] if "(" in word]
        self.assertGreater(len(names), 8)
        for name in names:
            self.assertTrue(hasattr(Application, name), name)
