"""Workers to be named in configurations, and real processes that run them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SkipTest, TestCase

from pipeline.config.fields import ConfigText
from pipeline.middleware.base import BaseMiddleware
from pipeline.worker import Worker, WorkerConfig
from tests.quick import SKIP

ROOT = Path(__file__).resolve().parents[2]

#: Long enough for a busy machine; nothing waits that long if all is well.
PATIENCE = 60.0

TWISTD = "from twisted.scripts.twistd import run; run()"
PIPELINE = "from pipeline.cli.main import main; main()"


class Process:
    """A Python process whose output is read line by line.

    :param program: what it runs.
    :param args: its arguments.
    :param cwd: its folder.
    """

    def __init__(self, program: str, *args: str, cwd: str | Path, **environment: str) -> None:
        if SKIP:
            raise SkipTest(SKIP)
        path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
        self.lines: list[str] = []
        self._process = subprocess.Popen(
            [sys.executable, "-c", program, *args],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=cwd,
            env={**os.environ, "PYTHONPATH": path, **environment},
        )
        self.pid = self._process.pid

    def wait_for(self, text: str) -> str:
        """The next line of the output that has this text."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.lines.append(line)
            if text in line:
                return line
        raise AssertionError(f"no {text!r} in:\n{''.join(self.lines)}\n{self._end()[1]}")

    def wait_for_error(self, text: str) -> str:
        """The next line of standard error that has this text."""
        assert self._process.stderr is not None
        for line in self._process.stderr:
            if text in line:
                return line
        raise AssertionError(f"no {text!r} in standard error")

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    def end(self) -> tuple[int, str, str]:
        """Wait for the end: status, the whole output, standard error."""
        out, err = self._end()
        return self._process.returncode, "".join(self.lines) + out, err

    def terminate(self) -> tuple[int, str, str]:
        """Ask it to end, and wait for that."""
        self.signal(signal.SIGTERM)
        return self.end()

    def kill(self) -> None:
        """End it if it still runs; for cleaning up."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        for stream in (self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()

    def _end(self) -> tuple[str, str]:
        return self._process.communicate(timeout=PATIENCE)


def twistd(case: TestCase, *args: str, **environment: str) -> Process:
    """Start ``twistd -n`` in a fresh folder; it is gone when the test ends."""
    folder = case.mktemp()
    os.makedirs(folder)
    process = Process(TWISTD, "-n", *args, cwd=folder, **environment)
    case.addCleanup(process.kill)
    return process


def command(case: TestCase, *args: str, **environment: str) -> Process:
    """Start ``pipeline`` in a fresh folder; it is gone when the test ends."""
    folder = case.mktemp()
    os.makedirs(folder)
    process = Process(PIPELINE, *args, cwd=folder, **environment)
    case.addCleanup(process.kill)
    return process


def written(case: TestCase, text: str, name: str = "system.yaml") -> str:
    """The absolute path of a new file with this text."""
    path = Path(case.mktemp()).absolute()
    path.mkdir(parents=True)
    (path / name).write_text(text, encoding="utf-8")
    return str(path / name)


class PlainConfig(WorkerConfig):
    """Options of the worker of these tests."""

    transport_name = ConfigText("Its connector.", required=True, static=True)
    greeting = ConfigText("What to say.", default="hello", static=True)


class Plain(Worker):
    """A worker that reads and does nothing."""

    CONFIG_CLASS = PlainConfig

    def setup_connectors(self) -> None:
        self.setup_ri_connector(self.config.transport_name)


class Broken(Plain):
    """A worker that can't start."""

    def setup_worker(self) -> Any:
        raise RuntimeError("no coffee")


class Telling(Plain):
    """A worker that says what it was given."""

    def setup_worker(self) -> None:
        from twisted.internet import reactor

        threads: Any = reactor
        told = self.config.transport_name, self.config.greeting, threads.getThreadPool().max
        self.log.info("I am {told}", told="/".join(map(str, told)))


class Passing(BaseMiddleware):
    """A middleware that lets everything pass."""

    def handle_inbound(self, message: Any, connector_name: str) -> Any:
        return message
