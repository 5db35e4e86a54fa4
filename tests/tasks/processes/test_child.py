"""Tests of pipeline.tasks.processes.child, in real processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from pipeline.tasks.processes.wire import (
    CALLS,
    CONTROL,
    REPORTS,
    Call,
    Factory,
    Failed,
    Frames,
    FromChild,
    Ready,
    Returned,
    Said,
    Setup,
    Unready,
    framed,
)
from tests.tasks.processes import jobs
from tests.tasks.processes.test_pool import JOBS, is_alive

ROOT = Path(__file__).resolve().parents[3]
PATIENCE = 60.0


class Wired(SynchronousTestCase):
    """A child whose worker is this test, over bare pipes."""

    def start(self, **options: object) -> None:
        """Start a child with the jobs of the tests."""
        given = {"tasks": [JOBS], "middleware": [], "worker": "w", "preload": "", "environment": {}}
        pipes = {fd: os.pipe() for fd in (CALLS, REPORTS, CONTROL)}
        inner = {CALLS: pipes[CALLS][0], REPORTS: pipes[REPORTS][1], CONTROL: pipes[CONTROL][0]}
        self.calls, self.reports = pipes[CALLS][1], pipes[REPORTS][0]
        self.control = pipes[CONTROL][1]
        moves = [[fd, target] for target, fd in inner.items()]
        program = (
            "import os, sys, json\n"
            "for fd, target in json.loads(sys.argv[2]):\n"
            "    os.dup2(fd, target + 100)\n"
            "for fd, target in json.loads(sys.argv[2]):\n"
            "    os.dup2(target + 100, target)\n"
            "    os.set_inheritable(target, True)\n"
            "os.execv(sys.executable, [sys.executable, '-m', *json.loads(sys.argv[1])])\n"
        )
        module = ["pipeline.tasks.processes.child", str(os.getpid())]
        self.process = subprocess.Popen(
            [sys.executable, "-c", program, json.dumps(module), json.dumps(moves)],
            pass_fds=list(inner.values()),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=ROOT,
        )
        for fd in inner.values():
            os.close(fd)
        self.addCleanup(self.process.wait)
        self.addCleanup(self.process.kill)
        self.frames: Frames[object] = Frames(FromChild)
        self.came: list[object] = []
        self.tell(Setup(**{**given, "is_measured": False, **options}))  # type: ignore[arg-type]

    def tell(self, message: object) -> None:
        """Tell the child something."""
        os.write(self.calls, framed(message))

    def hear(self) -> object:
        """Wait for the child to say something."""
        while not self.came:
            data = os.read(self.reports, 65536)
            self.assertTrue(data, "the child has ended")
            self.came += self.frames.feed(data)
        return self.came.pop(0)

    def call(self, number: int, name: str, *args: object) -> None:
        """Have it run a task."""
        text = json.dumps({"id": str(number), "name": name, "args": args})
        self.tell(Call(number, text.encode(), True))

    def test_calls(self) -> None:
        """It says when it is ready, then what becomes of each call, after what that has printed."""
        self.start()
        self.assertEqual(Ready(), self.hear())
        self.call(1, jobs.add.name, 2, 3)
        self.assertEqual(Returned(1, b"5"), self.hear())
        self.call(2, jobs.talk.name)
        said = [self.hear() for _ in range(6)]
        lines = [(each.source, each.level, each.text) for each in said if isinstance(each, Said)]
        self.assertIn(("stdout", "info", "to you all"), lines)
        self.assertIn(("stdout", "info", "unfinished"), lines)
        self.assertEqual(Returned(2, b"null"), said[-1])
        self.call(3, jobs.fail.name, "key")
        failed = self.hear()
        assert isinstance(failed, Failed)
        self.assertEqual("builtins:KeyError", failed.problem.names[0])

    def test_environment(self) -> None:
        """It sets the variables that it is told to, and removes others."""
        self.start(environment={"PYTHONPATH": "/x"})
        self.hear()
        self.call(1, jobs.where.name)
        returned = self.hear()
        assert isinstance(returned, Returned)
        self.assertEqual("/x", json.loads(returned.value)[-1])

    def test_unready(self) -> None:
        """What it can't import it reports, and ends."""
        self.start(middleware=[Factory("tests.tasks.processes.jobs.Nothing")])
        said = self.hear()
        assert isinstance(said, Unready)
        self.assertIn("Nothing", said.problem.text)
        self.assertEqual(1, self.process.wait(PATIENCE))

    def test_end(self) -> None:
        """It ends by itself when there will be no more calls."""
        self.start()
        self.hear()
        os.close(self.calls)
        self.assertEqual(0, self.process.wait(PATIENCE))

    def test_signals(self) -> None:
        """What is sent to a whole group of processes it leaves to its worker."""
        self.start()
        self.hear()
        self.process.send_signal(signal.SIGINT)
        self.process.send_signal(signal.SIGTERM)
        self.call(1, jobs.add.name, 2, 3)
        self.assertEqual(Returned(1, b"5"), self.hear())


class Orphans(SynchronousTestCase):
    """A worker that dies takes its children with it."""

    def test_killed(self) -> None:
        """Also when it is killed, and whether a child is busy or not."""
        flag = Path(self.mktemp()).resolve()
        parent = subprocess.Popen(
            [sys.executable, "-m", "tests.tasks.processes.parent", str(flag)],
            stdout=subprocess.PIPE,
            cwd=ROOT,
        )
        self.addCleanup(parent.wait)
        self.addCleanup(parent.kill)
        assert parent.stdout is not None
        self.addCleanup(parent.stdout.close)
        children = [int(word) for word in parent.stdout.readline().split()]
        self.assertEqual([True, True], [is_alive(pid) for pid in children])
        parent.kill()
        until = time.monotonic() + PATIENCE
        while any(is_alive(pid) for pid in children) and time.monotonic() < until:
            time.sleep(0.01)
        self.assertEqual([], [pid for pid in children if is_alive(pid)])
