"""Asking before something is thrown away; ``dead purge`` is tested with Ctrl-C."""

from __future__ import annotations

import io
import os
import sys

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pipeline.cli.asking import LOOK_EVERY, confirmed
from pipeline.errors import PipelineError


class Asking(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        reading, self.writing = os.pipe()
        stdin = os.fdopen(reading)
        self.addCleanup(stdin.close)
        self.patch(sys, "stdin", stdin)
        self.patch(sys, "stderr", io.StringIO())

    def ask(self) -> Deferred[None]:
        return Deferred.fromCoroutine(confirmed("Really? ", self.clock))

    def answer(self, text: str) -> None:
        os.write(self.writing, text.encode())
        self.clock.advance(LOOK_EVERY)

    def test_yes(self) -> None:
        """It waits for the answer, and a yes is one in any case."""
        self.addCleanup(os.close, self.writing)
        for text in ("y\n", "YES\n"):
            asking = self.ask()
            self.assertNoResult(asking)
            self.answer(text)
            self.assertIsNone(self.successResultOf(asking))
        self.assertEqual("Really? Really? ", sys.stderr.getvalue())  # type: ignore[attr-defined]

    def test_no(self) -> None:
        """Anything else is a no, and so is the end of the input."""
        asking = self.ask()
        self.answer("\n")
        self.failureResultOf(asking, PipelineError)
        os.close(self.writing)
        self.failureResultOf(self.ask(), PipelineError)
