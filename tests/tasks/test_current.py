"""Tests of pipeline.tasks.current."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
from twisted.trial.unittest import TestCase

from pipeline.tasks.current import CurrentTask, current_task, running


class Current(TestCase):
    """What a task can know of its own call."""

    def test_outside(self) -> None:
        """Outside of a task there is none; inside it is what the runner has set."""
        self.assertIsNone(current_task())
        call = CurrentTask(id="1", name="t")
        token = running.set(call)
        self.assertIs(call, current_task())
        running.reset(token)

    def test_description(self) -> None:
        """A call is described as one would write it; what is long is cut."""
        call = CurrentTask(id="1", name="shop.mail", args=[1, "x" * 500], kwargs={"b": None})
        self.assertTrue(call.description.startswith("shop.mail(1, 'xxx"))
        self.assertTrue(call.description.endswith("..., b=None)"))
        self.assertLess(len(call.description), 120)

    def test_names(self) -> None:
        """redis-tasks' middleware finds the names that it knows."""
        call = CurrentTask(id="1", name="t", queue="work", reentrant=True, enqueued=1500)
        found = (call.func_name, call.origin, call.is_reentrant, call.enqueued_at)
        self.assertEqual(("t", "work", True, datetime(1970, 1, 1, 0, 0, 1, 500000, UTC)), found)

    def test_travels(self) -> None:
        """It goes to another process as it is."""
        call = CurrentTask(id="1", name="t", args=[1], kwargs={"a": [2]}, timeout=3.5)
        packed = msgspec.msgpack.encode(call)
        self.assertEqual(call, msgspec.msgpack.decode(packed, type=CurrentTask))
