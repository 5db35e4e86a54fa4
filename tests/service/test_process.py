"""A process ends cleanly on signals, and with the status that it was told."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO

from twisted.trial.unittest import TestCase

from tests.service.support import twistd, written

SERVE = """
from twisted.internet import defer, reactor, task
from pipeline.service.process import stop_on_signals
stop_on_signals(reactor)
reactor.callWhenRunning(print, "up", flush=True)
reactor.addSystemEventTrigger("before", "shutdown", lambda: (print("down", flush=True), {wait})[1])
reactor.run()
print("end")
"""

FAIL = """
import atexit
atexit.register(print, "others too")
from pipeline.service.process import exit_status_at_end
exit_status_at_end(3, "last words")
print("main is done")
"""

WRITE = """
import signal
from pipeline.service.process import end_now
signal.signal(signal.SIGTERM, lambda number, frame: end_now(143, "last words"))
print("up", flush=True)
print("x" * 1_000_000, flush=True)
"""


def start(program: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", program],
        # What is printed waits in a buffer, as for most people.
        env={name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def line(stream: IO[str] | None) -> str:
    assert stream is not None
    return stream.readline().strip()


class Signals(TestCase):
    """SIGTERM and SIGINT are wishes, not accidents."""

    def _ends_well(self, number: signal.Signals) -> None:
        process = start(SERVE.format(wait="None"))
        self.assertEqual("up", line(process.stdout))
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
        self.assertEqual((0, "down\nend\n", ""), (process.returncode, out, err))

    def test_term(self) -> None:
        """SIGTERM stops in good order, and the status is 0."""
        self._ends_well(signal.SIGTERM)

    def test_int(self) -> None:
        """So does Ctrl-C."""
        self._ends_well(signal.SIGINT)

    def test_hangup(self) -> None:
        """So does a terminal that is closed; under nohup it goes on."""
        self._ends_well(signal.SIGHUP)
        ignored = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        process = start(ignored + SERVE.format(wait="None"))
        self.assertEqual("up", line(process.stdout))
        process.send_signal(signal.SIGHUP)
        with self.assertRaises(subprocess.TimeoutExpired):
            process.wait(0.3)
        process.terminate()
        self.assertEqual("down\nend\n", process.communicate(timeout=20)[0])

    def test_the_same_twice(self) -> None:
        """A signal that comes twice at once counts once."""
        process = start(SERVE.format(wait="task.deferLater(reactor, 0.3)"))
        self.assertEqual("up", line(process.stdout))
        process.send_signal(signal.SIGTERM)
        self.assertEqual("down", line(process.stdout))
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=20)
        self.assertEqual((0, "end\n"), (process.returncode, out))

    def test_the_same_to_the_last(self) -> None:
        """One that comes when all is done, and the interpreter ends, changes nothing."""
        process = start(SERVE.format(wait="None"))
        self.assertEqual("up", line(process.stdout))
        for _ in range(900):
            if process.poll() is not None:
                break
            process.send_signal(signal.SIGTERM)
            time.sleep(0.001)
        out, _ = process.communicate(timeout=20)
        self.assertEqual((0, "down\nend\n"), (process.returncode, out))

    def test_impatience(self) -> None:
        """A second signal, a while later, ends the process at once."""
        lively = SERVE.replace(
            "stop_on_signals(reactor)", "process.SAME = 0.0; stop_on_signals(reactor)"
        )
        lively = "from pipeline.service import process\n" + lively
        process = start(lively.format(wait="defer.Deferred()"))
        self.assertEqual("up", line(process.stdout))
        process.send_signal(signal.SIGTERM)
        self.assertEqual("down", line(process.stdout))
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
        self.assertEqual((130, ""), (process.returncode, out))
        self.assertEqual("pipeline: a second SIGINT: ended at once\n", err)


class Now(TestCase):
    """An end that waits for nobody."""

    def test_in_the_middle_of_a_word(self) -> None:
        """A handler that has interrupted a write, which nobody reads to its end, ends it too."""
        process = start(WRITE)
        assert process.stdout is not None
        assert process.stderr is not None
        with process.stdout, process.stderr:
            self.assertEqual("up", line(process.stdout))
            self.assertEqual("x", process.stdout.read(1))
            process.send_signal(signal.SIGTERM)
            self.assertEqual(143, process.wait(20))
            self.assertEqual("last words\n", process.stderr.read())


class Status(TestCase):
    """The exit status of a program that has none of its own."""

    def test_at_end(self) -> None:
        """The program runs to its end, everyone's farewell is called, then comes the status."""
        process = start(FAIL)
        out, err = process.communicate(timeout=20)
        self.assertEqual(3, process.returncode)
        self.assertEqual("main is done\nothers too\n", out)
        self.assertEqual("last words\n", err)


SYSTEM = """
redis: embedded://{folder}
namespace: hurry
stop_timeout: 60
workers:
  work: {{class: tests.service.blocking.{worker}, transport_name: a}}
"""


class Impatience(TestCase):
    """The second SIGTERM of a service, a second after the first: hand back and end."""

    def setUp(self) -> None:
        folder = tempfile.mkdtemp()  # a short path, since a unix socket lies in it
        self.addCleanup(shutil.rmtree, folder, True)
        self.folder = folder

    def config(self, worker: str) -> str:
        return written(self, SYSTEM.format(folder=self.folder, worker=worker))

    def _handed_back(self, **environment: str) -> None:
        notes = Path(self.mktemp()).absolute()
        other = twistd(self, "pipeline", "--config", self.config("Standing"), NOTES=str(notes))
        other.wait_for("'work' is ready")
        slow = twistd(self, "pipeline", "--config", self.config("Slow"), SENT="3", **environment)
        for _ in range(3):
            slow.wait_for("in hand")
        slow.signal(signal.SIGTERM)
        time.sleep(1.2)
        began = time.monotonic()
        slow.signal(signal.SIGTERM)
        status, _, err = slow.end()
        self.assertEqual(143, status)
        self.assertLess(time.monotonic() - began, 1.0)
        self.assertIn("a second SIGTERM: ended at once", err)
        other.signal(signal.SIGUSR1)
        for _ in range(3):
            other.wait_for("got")
        self.assertLess(time.monotonic() - began, 5.0)
        self.assertEqual(["0", "1", "2"], sorted(notes.read_text().split()))
        self.assertEqual(0, other.terminate()[0])

    def test_handed_back(self) -> None:
        """What was in hand is with another worker at once, each message once; status 143."""
        self._handed_back()

    def test_stubborn(self) -> None:
        """Even what can't be cancelled is."""
        self._handed_back(STUBBORN="1")

    def test_blocked(self) -> None:
        """Even a process whose reactor is blocked ends."""
        process = twistd(self, "pipeline", "--config", self.config("Blocking"), BLOCKS="60")
        process.wait_for("the reactor is blocked")
        process.signal(signal.SIGTERM)
        time.sleep(1.2)
        began = time.monotonic()
        process.signal(signal.SIGTERM)
        self.assertEqual(143, process.end()[0])
        self.assertLess(time.monotonic() - began, 1.5)
