"""How calls are told; what is done with them is tested in test_tasks."""

from __future__ import annotations

import argparse
import io
from typing import Any

from twisted.trial.unittest import TestCase

from pipeline.cli import calls
from pipeline.cli.calls import ACTIONS, Dispatcher, _row, _shown
from pipeline.message import TaskMessage
from pipeline.tasks.states.status import AbortedRun, Progress, TaskStatus
from tests.tasks import jobs
from tests.tasks.states.support import StatesCase


class Told(TestCase):
    """Lines for people."""

    def status(self, **fields: object) -> TaskStatus:
        given = {"id": "1", "task": "t", "queue": "q", "state": "running", "queued_at": 0.0}
        return TaskStatus(**{**given, **fields})  # type: ignore[arg-type]

    def test_row(self) -> None:
        """A row ends with the error, or how far the call is."""
        self.assertEqual("3/9 x", _row(self.status(progress=Progress(3, 9, "x")))[-1])
        self.assertEqual("3", _row(self.status(progress=Progress(3)))[-1])
        self.assertEqual("E: x", _row(self.status(error="E: x", progress=Progress(3)))[-1])
        self.assertEqual(("-", ""), _row(self.status())[-2:])

    def test_shown(self) -> None:
        """Times that there are, broken runs, results and tracebacks; nothing a terminal obeys."""
        run = AbortedRun(0.0, "w", "Worker died")
        call = TaskMessage(task="t")
        finished = _shown(self.status(aborted_runs=[run]), call.result({"a": 1}))
        self.assertIn("broken off  1970-01-01 00:00:00 UTC by w: Worker died", finished)
        self.assertIn('result      {"a": 1}', finished)
        self.assertFalse([line for line in finished if line.startswith("ended")])
        failed = _shown(self.status(error="\x1b[31m"), call.failed("E", "one\ntwo"))
        self.assertEqual(["traceback", "  one", "  two"], failed[-3:])
        self.assertNotIn("\x1b", "".join(failed))


class Many(StatesCase):
    """However many there are, all that are meant are."""

    def setUp(self) -> None:
        super().setUp()
        self.patch(calls, "AT_ONCE", 2)

    def do(self, action: str, **options: Any) -> str:
        """What a command says, now by the clock of the test."""
        told = io.StringIO()
        self.patch(calls.sys, "stdout", told)
        given = {"ids": [], "task": None, "state": None, "older": None, "newer": None, "limit": 0}
        args = argparse.Namespace(**{**given, "json": False, "yes": True, **options})
        dispatcher = Dispatcher(self.client, args)
        dispatcher._began = self.clock.seconds()
        self.assertEqual(0, self.now(ACTIONS[action](dispatcher)))
        return told.getvalue()

    def test_purge(self) -> None:
        """More than are looked for at once are cancelled, none is left."""
        for n in range(7):
            self.send(jobs.add, n)
        self.assertEqual("7 calls cancelled\n", self.do("purge", all=True))
        self.assertEqual("0 calls cancelled\n", self.do("purge", all=True))

    def test_limit(self) -> None:
        """A limit holds for all rounds together."""
        for n in range(7):
            self.send(jobs.add, n)
        self.assertEqual("5 calls cancelled\n", self.do("cancel", limit=5))
        self.assertEqual("2 calls cancelled\n", self.do("cancel", limit=5))

    def test_older(self) -> None:
        """Old ones are found behind any number of newer ones."""
        for n in range(3):
            self.send(jobs.add, n)
        self.clock.advance(100)
        for n in range(9):
            self.send(jobs.add, n)
        self.assertEqual("3 calls cancelled\n", self.do("purge", older=50))
        self.assertEqual("9 calls", self.do("list", state="queued").splitlines()[-1])

    def test_all_ended(self) -> None:
        """Calls that have ended already are told, once."""
        self.start()
        for n in range(2):
            self.send(jobs.add, n)
        self.clock.advance(1)
        said = self.do("cancel", state="finished")
        self.assertEqual("0 calls cancelled, 2 had ended already\n", said)
