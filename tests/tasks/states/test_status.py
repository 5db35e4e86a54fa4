"""Tests of pipeline.tasks.states.status."""

from __future__ import annotations

from typing import Any

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from pipeline.tasks.states.status import FINAL, STATES, Progress, TaskStatus


class Statuses(SynchronousTestCase):
    """A status is a value."""

    def made(self, state: str, **more: Any) -> TaskStatus:
        """A status with what it must have."""
        return TaskStatus(id="1", task="t", queue="q", queued_at=1.5, state=state, **more)

    def test_final(self) -> None:
        """Three of the six states are the end."""
        self.assertEqual(list(FINAL), [state for state in STATES if self.made(state).is_final])

    def test_json(self) -> None:
        """It can be written as JSON, with all that is in it."""
        status = self.made("running", progress=Progress(1, 2, "n"))
        said = msgspec.json.decode(msgspec.json.encode(status))
        self.assertEqual(("running", [1, 2, "n"]), (said["state"], said["progress"]))
