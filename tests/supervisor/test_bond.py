"""Tests of pipeline.supervisor.bond: a real process and who started it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import Any

from twisted.trial.unittest import TestCase

from pipeline.supervisor.bond import BEAT, DONE, HURRY, OWNER, READY, REPORTS, VARIABLE
from tests.quick import SKIP
from tests.service.support import PATIENCE, ROOT

PROGRAM = """
import os, signal, sys
os.kill(os.getpid(), signal.SIGINT)
from twisted.internet import reactor
from pipeline.service.process import stop_on_signals
from pipeline.service.running import Part, System
from pipeline.supervisor.bond import Bond
from pipeline.transports.inherited import offered

async def start(): pass
async def end(seconds): print("ends in good order", flush=True)
bond = Bond.found()
assert "PIPELINE_SUPERVISED" not in os.environ
print(bond.number, sorted(offered), os.get_inheritable(offered["tcp:0"]), flush=True)
assert not signal.pthread_sigmask(signal.SIG_BLOCK, [])
system = System([Part("it", start, end)], reactor)
system.hurry = lambda: print("hurries", flush=True)
bond.tie(system, reactor)
reactor.callWhenRunning(system.startService)
reactor.addSystemEventTrigger("before", "shutdown", system.stopService)
stop_on_signals(reactor, system.hurry)
if sys.argv[1:]:
    reactor.callLater(0.1, bond.done)
reactor.callWhenRunning(lambda: os.kill(os.getpid(), signal.SIGHUP))
reactor.run()
"""


class Bonds(TestCase):
    """A process reports to its supervisor, hears it, and ends with it."""

    skip = SKIP

    timeout = 120

    def begin(self, *args: str) -> tuple[subprocess.Popen[str], int, int]:
        """A process, the pipe to it and the one from it."""
        theirs, to_it = os.pipe()
        from_it, reports = os.pipe()
        wanted = {OWNER: theirs, REPORTS: reports, 5: os.open(os.devnull, os.O_RDWR)}

        def number() -> None:
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
            # In two steps, since one of them may have the number that another is to have.
            copies = {n: os.dup(each) for n, each in wanted.items()}
            high = {n: os.dup2(each, 50 + n) for n, each in copies.items()}
            for n, each in high.items():
                os.dup2(each, n)

        bond = json.dumps({"number": 2, "sockets": {"tcp:0": 5}})
        path = os.pathsep.join([str(ROOT), *filter(None, sys.path)])
        started = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *args],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, VARIABLE: bond, "PYTHONPATH": path},
            pass_fds=(OWNER, REPORTS, 5),
            preexec_fn=number,
        )
        for each in wanted.values():
            os.close(each)
        self.addCleanup(os.close, from_it)
        self.addCleanup(started.stdout.close)  # type: ignore[union-attr]  # a pipe
        self.addCleanup(started.kill)
        return started, to_it, from_it

    def test_told(self) -> None:
        """It knows its number and its sockets, which nobody inherits from it; it reports that it
        lives and is ready; SIGHUP is none of its business, nor Ctrl-C while it begins. When the
        supervisor is gone it ends in good order; when that is in a hurry, at once; and it says when
        all was done."""
        faithful, hurried, done = self.begin(), self.begin(), self.begin("done")
        for _, _, from_it in (faithful, hurried):
            reported = b""
            while not (READY in reported and BEAT in reported):
                more = os.read(from_it, 100)
                self.assertTrue(more, "it has ended")
                reported += more
        os.close(faithful[1])
        self.assertEqual(["2 ['tcp:0'] False", "ends in good order"], self.ended(faithful[0], 0))
        os.write(hurried[1], HURRY)
        self.assertIn("hurries", self.ended(hurried[0], 143))
        os.close(hurried[1])
        self.assertEqual("ends in good order", self.ended(done[0], 0)[-1])
        os.close(done[1])
        self.assertIn(DONE, os.read(done[2], 100))

    def ended(self, process: subprocess.Popen[Any], status: int) -> list[str]:
        """What it has said, now that it has ended."""
        out, _ = process.communicate(timeout=PATIENCE)
        self.assertEqual(status, process.returncode, out)
        lines: list[str] = out.splitlines()
        return lines
