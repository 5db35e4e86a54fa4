"""Tests of pipeline.tasks.processes.reports."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pipeline.tasks.processes.reports import AT_MOST_EVERY, Reports
from pipeline.tasks.states.status import Progress


class Reporting(SynchronousTestCase):
    """A task may report as often as it likes."""

    def test_throttled(self) -> None:
        """The first goes at once, then the last of each while, and at the end the last of all."""
        clock, told = Clock(), []

        class Channel:
            def report(self, message: Any) -> None:
                told.append((message.number, message.values))

        reports = Reports(Channel(), 3, clock.seconds)  # type: ignore[arg-type]  # all it needs
        for n in range(5):
            reports.take(Progress(n))
        self.assertEqual([(3, b'[0,null,""]')], told)
        clock.advance(AT_MOST_EVERY)
        reports.take(Progress(5))
        reports.take(Progress(6))
        reports.send()
        reports.send()
        self.assertEqual([b'[5,null,""]', b'[6,null,""]'], [values for _, values in told[1:]])
