"""Tests of pipeline.tasks.calling."""

from __future__ import annotations

from functools import partial
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipeline.errors import PermanentFailure
from pipeline.tasks.calling import called, called_through
from pipeline.tasks.current import CurrentTask
from pipeline.tasks.middleware import TaskStack
from pipeline.tasks.registry import Task


class Twice:
    """Runs its call twice, the second time with more."""

    def run_task(self, task: Any, run: Any, args: Any, kwargs: Any) -> None:
        """Around the task."""
        run(*args, **kwargs)
        run(*args, more=1)


class Calling(SynchronousTestCase):
    """A plain task is called where it is."""

    def test_called(self) -> None:
        """It gives what it returns, unless that is something to wait for."""
        self.assertEqual(3, called(Task(lambda a, b: a + b, name="t"), (1,), {"b": 2}))

        async def waits() -> None: ...

        with self.assertRaisesRegex(PermanentFailure, "t returned .* make it async def"):
            called(Task(lambda: waits(), name="t"), (), {})

    def test_through(self) -> None:
        """Through middleware it gives what the last run returned; None if there was none."""
        task: Task[Any, Any] = Task(lambda a, more=0: (a, more), name="t")
        call = CurrentTask(id="1", name="t", args=[5])
        for factories, expected in (((Twice,), (5, 1)), ((), (5, 0))):
            stack = TaskStack(factories)
            self.assertEqual(expected, called_through(stack, partial(called, task), call, int))
