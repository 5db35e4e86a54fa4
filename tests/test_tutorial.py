"""The tutorial is true: its files are written, its commands are run, in its order."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from twisted.trial.unittest import TestCase

from tests.service.support import PATIENCE, PIPELINE, ROOT, Process
from tests.test_two_processes import free_port

_BLOCK = re.compile(
    r"^```(\w+)(?: file=(\S+))?(?: status=(\d))?\n(.*?)^```$", re.MULTILINE | re.DOTALL
)


class Block(NamedTuple):
    """A fenced block.

    :param language: as ``yaml``.
    :param file: the file that it is, or "".
    :param status: the status that its commands end with, or "" for 0.
    :param text: what is in it.
    """

    language: str
    file: str
    status: str
    text: str


def blocks(page: str) -> list[Block]:
    """The fenced blocks of a page of the documentation."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return [Block(*found) for found in _BLOCK.findall(text)]


def steps(text: str) -> Iterator[tuple[str, list[str]]]:
    """The commands of a console block, each with the lines that must be in its output."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, *expected = part.splitlines()
        yield command, expected


class Reader:
    """Somebody who does what the tutorial says, in a folder of their own."""

    def __init__(self, case: TestCase) -> None:
        self.case = case
        self.folder = Path(case.mktemp()).absolute()
        self.folder.mkdir(parents=True)
        self.port = free_port()
        self.configuration = ""
        self.running: Process | None = None
        case.addCleanup(self.end)

    def write(self, block: Block) -> None:
        """Save a file; what ran before must be started anew."""
        self.end()
        text = block.text.replace("tcp:8080", f"tcp:{self.port}")
        (self.folder / block.file).write_text(text, encoding="utf-8")
        if block.language == "yaml":
            self.configuration = block.file

    def do(self, command: str, status: int = 0) -> str:
        """Run a command: its output, and its errors if it must fail."""
        words = shlex.split(command)
        if words[0] == "curl":
            return self.curl(words)
        program = ["-c", PIPELINE] if words[0] == "pipeline" else []
        done = subprocess.run(
            [sys.executable, *program, *words[1:]],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        self.case.assertEqual(status, done.returncode, done.stdout + done.stderr)
        return done.stdout + done.stderr if status else done.stdout

    def curl(self, words: list[str]) -> str:
        """What curl would print; the system runs meanwhile."""
        self.start()
        url = words[-1].replace(":8080", f":{self.port}")
        name, _, value = words[words.index("-H") + 1].partition(": ")
        body = words[words.index("-d") + 1].encode()
        try:
            with urlopen(Request(url, body, {name: value}), timeout=PATIENCE) as answer:
                return str(answer.read().decode())
        except HTTPError as error:
            return error.read().decode()

    def start(self) -> None:
        """Run the system, if it doesn't yet."""
        if self.running is None:
            self.running = Process(PIPELINE, "run", self.configuration, cwd=self.folder)
            self.running.wait_for_error("worker 'web' is ready")

    def follow(self, page: str) -> int:
        """Do what a page says: how many commands there were."""
        commands = 0
        for block in blocks(page):
            if block.file:
                self.write(block)
            if block.language != "console":
                continue
            for command, expected in steps(block.text):
                commands += 1
                said = self.do(command, int(block.status or 0))
                for line in expected:
                    self.case.assertIn(line, said, f"{page}: {command}")
        return commands

    def end(self) -> None:
        """Press Ctrl-C."""
        running, self.running = self.running, None
        if running is None:
            return
        try:
            status, out, err = running.terminate()
            self.case.assertEqual(0, status, out + err)
        finally:
            running.kill()


class Tutorial(TestCase):
    """docs/tutorial.md, and what the README shows."""

    timeout = 180

    def test_tutorial(self) -> None:
        """Every file of the tutorial works, and every command says what it should."""
        self.assertGreater(Reader(self).follow("docs/tutorial.md"), 7)

    def test_readme(self) -> None:
        """The taste that the README gives is real."""
        reader = Reader(self)
        files = {"python": "shop.py", "yaml": "shop.yaml"}
        for block in blocks("README.md"):
            reader.write(block._replace(file=files[block.language]))
        text = (ROOT / "README.md").read_text(encoding="utf-8").replace("\\\n", "")
        (command,) = re.findall(r"^    (curl .*/tasks/.*)$", text, re.MULTILINE)
        self.assertIn('"value":"Hello, Ada!"', reader.do(command))

    def test_every_block(self) -> None:
        """Every block of Python and YAML is a file, and so is tried."""
        for block in blocks("docs/tutorial.md"):
            self.assertTrue(block.file or block.language == "console", block.text)
