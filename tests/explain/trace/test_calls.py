"""Middleware around calls of tasks is recorded."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import TestCase

from pipeline.explain.trace.happening import Happening
from tests.explain.trace.hooked import HERE
from tests.explain.trace.samples import traced

JOBS = f"""\
redis: memory://
workers:
  jobs:
    class: pipeline.applications.tasks.TaskApplication
    transport_name: tasks
    tasks: [{HERE}]
    middleware: [{HERE}.Doubling]
"""


class Calls(TestCase):
    """Around a call, and after it."""

    async def steps(self, *args: Any) -> list[Happening]:
        given = {"task": "traced-half", "args": list(args)}
        found = await traced(given, text=JOBS, handle=True, patience=30)
        self.assertEqual(("settled", "done"), (found.happened[-1].what, found.happened[-1].result))
        return [each for each in found.happened if each.what == "hook"]

    async def test_run(self) -> None:
        """What a middleware changes in the arguments, then what it makes of the outcome."""
        run, outcome = await self.steps(5)
        self.assertEqual(("run_task", "passed"), (run.method, run.result))
        self.assertEqual([("args", "changed", [5], [10])], list(map(tuple, run.changes)))
        self.assertEqual(("process_outcome", f"{HERE}.Doubling"), (outcome.method, outcome.name))
        self.assertRegex(run.at, r"^tests/explain/trace/hooked\.py:\d+$")

    async def test_error(self) -> None:
        """An error passes a middleware, and is retried as ever."""
        given = {"task": "traced-half", "args": [2]}
        found = await traced(given, text=JOBS, handle=True, patience=30)
        [run] = [each for each in found.happened if each.what == "hook"]
        self.assertTrue(run.detail.startswith("ZeroDivisionError"), run.detail)
        self.assertEqual("retry", found.happened[-1].result)
