"""Tests of pipeline.tasks.endings; what is staged with each end is in tests/tasks/states."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from pipeline.message import TaskMessage
from pipeline.tasks.endings import is_awaited


class Awaited(SynchronousTestCase):
    """Whether somebody waits."""

    def test_awaited(self) -> None:
        """By a name to reply to, or an instance."""
        self.assertFalse(is_awaited(TaskMessage(task="t")))
        self.assertTrue(is_awaited(TaskMessage(task="t", reply_to="me")))
        metadata = {"reply_instance": "i"}
        self.assertTrue(is_awaited(TaskMessage(task="t", transport_metadata=metadata)))
