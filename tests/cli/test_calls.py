"""How calls are told; what is done with them is tested in test_tasks."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from pipeline.cli.calls import _row, _shown
from pipeline.message import TaskMessage
from pipeline.tasks.states.status import AbortedRun, Progress, TaskStatus


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
