"""One thing done with a running reactor; real processes."""

from __future__ import annotations

import signal

from twisted.trial.unittest import TestCase

from pipeline.cli.session import INTERRUPTED
from tests.service.support import Process

_PROGRAM = """
import sys
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from pipeline.cli.session import run_to_its_end

async def work():
    print("works", flush=True)
    try:
        %s
    finally:
        await deferLater(reactor, 0)
        print("ended in good order", flush=True)

sys.exit(run_to_its_end(work, reactor))
"""


class Session(TestCase):
    """The end of the work is the end of the process."""

    timeout = 60

    def start(self, line: str) -> Process:
        """A process that does this."""
        process = Process(_PROGRAM % line, cwd=".")
        self.addCleanup(process.kill)
        return process

    def test_status(self) -> None:
        """The result is the status."""
        self.assertEqual(3, self.start("return 3").end()[0])

    def test_error(self) -> None:
        """What it raises, the caller gets."""
        status, out, err = self.start("raise KeyError('gone')").end()
        self.assertEqual(1, status)
        self.assertIn("good order", out)
        self.assertIn("KeyError: 'gone'", err)

    def test_interrupted(self) -> None:
        """Ctrl-C cancels it, lets it end, and is told by the status."""
        process = self.start("await Deferred()")
        process.wait_for("works")
        process.signal(signal.SIGINT)
        status, out, err = process.end()
        self.assertEqual((INTERRUPTED, ""), (status, err))
        self.assertIn("good order", out)
