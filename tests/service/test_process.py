"""A process ends cleanly on signals, and with the status that it was told."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import IO

from twisted.trial.unittest import TestCase

SERVE = """
from twisted.internet import reactor, task
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


def start(program: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", program],
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

    def test_the_same_twice(self) -> None:
        """A signal that comes twice at once counts once."""
        process = start(SERVE.format(wait="task.deferLater(reactor, 0.3)"))
        self.assertEqual("up", line(process.stdout))
        process.send_signal(signal.SIGTERM)
        self.assertEqual("down", line(process.stdout))
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=20)
        self.assertEqual((0, "end\n"), (process.returncode, out))

    def test_impatience(self) -> None:
        """A second signal, a while later, ends the process at once."""
        lively = SERVE.replace(
            "stop_on_signals(reactor)", "process.SAME = 0.0; stop_on_signals(reactor)"
        )
        lively = "from pipeline.service import process\n" + lively
        process = start(lively.format(wait="task.deferLater(reactor, 600)"))
        self.assertEqual("up", line(process.stdout))
        process.send_signal(signal.SIGTERM)
        self.assertEqual("down", line(process.stdout))
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
        self.assertEqual((130, ""), (process.returncode, out))
        self.assertEqual("pipeline: a second SIGINT: ended at once\n", err)


class Status(TestCase):
    """The exit status of a program that has none of its own."""

    def test_at_end(self) -> None:
        """The program runs to its end, everyone's farewell is called, then comes the status."""
        process = start(FAIL)
        out, err = process.communicate(timeout=20)
        self.assertEqual(3, process.returncode)
        self.assertEqual("main is done\nothers too\n", out)
        self.assertEqual("last words\n", err)
