"""Calls of tasks are counted by how they end."""

from __future__ import annotations

from pipeline.observe.meter import OTHER, Meter
from pipeline.service.monitor.task_counts import TaskCounts
from pipeline.signals import task_failed
from pipeline.tasks.current import CurrentTask
from pipeline.tasks.registry import task
from pipeline.testing import PipelineTestCase, TaskHelper


@task(name="counted.add")
def add(n: int) -> int:
    """One more."""
    if n < 0:
        raise ValueError("below 0")
    return n + 1


class Ends(PipelineTestCase):
    """Real calls, in memory."""

    def setUp(self) -> None:
        self.meter = Meter(1, lambda: 0.0)
        self.counts = TaskCounts(self.meter)
        self.counts.open()
        self.addCleanup(self.counts.close)
        self.helper = self.add_helper(TaskHelper(add))

    def seen(self) -> dict[tuple[str, str], int]:
        """How many, by task and end."""
        cells = self.meter.counters["pipeline_tasks"].cells
        return {labels[1:]: cell.value for labels, cell in cells.items()}

    def test_ends(self) -> None:
        """Each call by its task and its end; nothing when it is closed."""
        add.send_sync(1)
        add.send_sync(2)
        add.send_sync(-1)
        self.helper.run()
        self.flushLoggedErrors(ValueError)
        name = "counted.add"
        seen = self.seen()
        self.assertEqual(2, seen[name, "finished"])
        self.assertEqual(1, seen.get((name, "failed"), 0) + seen.get((name, "retried"), 0))
        self.counts.close()
        add.send_sync(3)
        self.helper.run()
        self.assertEqual(2, self.seen()[name, "finished"])

    def test_unknown(self) -> None:
        """The name of a task that nobody has is no label: it is what a message says."""
        call = CurrentTask(id="1", name="secret", worker="w")
        task_failed.send("secret", call=call, error=None)
        self.assertEqual({(OTHER, "failed"): 1}, self.seen())
