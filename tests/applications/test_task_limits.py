"""Tasks with a priority or a limit, run by the application; with a Clock."""

from __future__ import annotations

from typing import Any

from pipeline.applications.tasks import TaskApplication
from pipeline.message import TaskMessage
from pipeline.tasks.client import Client
from pipeline.tasks.registry import Task
from tests.applications.test_tasks import TaskCase
from tests.tasks import jobs, limited_jobs

JOBS = "tests.tasks.limited_jobs"
HIGH, METERED, NARROW = (
    f"work.{lane}.inbound" for lane in ("high", f"task.{JOBS}.metered", f"task.{JOBS}.narrow")
)


class LimitCase(TaskCase):
    """Sends calls as a client does."""

    def start(self, **options: Any) -> TaskApplication:
        return super().start(**{"tasks": [JOBS], **options})

    def send(self, task: Task[Any, Any], *args: Any) -> Any:
        """Send a call; its handle."""
        handle = self.helper.now(self.client.send(task, args))
        self.helper.advance()
        return handle

    def setUp(self) -> None:
        super().setUp()
        self.client = Client(self.runtime)
        self.addCleanup(lambda: self.helper.now(self.client.stop()))


class Priorities(LimitCase):
    """Calls of high priority go first, and the others are not forgotten."""

    def test_high_first(self) -> None:
        """Of what waits four high calls begin for each low one."""
        for _ in range(4):
            self.send(limited_jobs.calm, -1)
        for _ in range(8):
            self.send(limited_jobs.urgent, -1)
        self.assertEqual(8, self.depth(HIGH).waiting)
        self.start(max_in_flight=1)
        for n in range(12):
            jobs.gates[n].callback(None)
            self.helper.advance()
        order = "".join(name[0] for name, _ in jobs.ran)
        self.assertIn(order, ("uuuuucuuuccc", "uuuucuuuuccc"))

    def test_any_queue(self) -> None:
        """A high call that came by the connector's own queue is run from there."""
        self.start()
        self.put("work.inbound", TaskMessage(task=f"{JOBS}.urgent", args=[1]))
        self.assertEqual([("urgent", 1)], jobs.ran)


class Limits(LimitCase):
    """No more calls begin than the limit of a task allows."""

    def test_rate(self) -> None:
        """Three begin at once, the next ones when ten seconds are over, without anybody asking."""
        self.start()
        for n in range(7):
            self.send(limited_jobs.metered, n)
        self.assertEqual([("metered", n) for n in range(3)], jobs.ran)
        self.clock.advance(9.9)
        self.assertEqual(3, len(jobs.ran))
        self.clock.advance(0.2)
        self.assertEqual(6, len(jobs.ran))
        self.clock.advance(10)
        self.assertEqual([("metered", n) for n in range(7)], jobs.ran)

    def test_rate_of_several_workers(self) -> None:
        """Workers share the rate."""
        self.start()
        options = {"transport_name": "work", "tasks": [JOBS]}
        other = self.helper.now(self.helper.place.runtime())
        self.helper.get_worker(TaskApplication, options, name="other", runtime=other).now()
        for n in range(7):
            self.send(limited_jobs.metered, n)
        self.assertEqual(3, len(jobs.ran))

    def test_concurrency(self) -> None:
        """Two run at a time; others of its worker go on meanwhile."""
        self.start()
        for _ in range(3):
            self.send(limited_jobs.narrow)
        self.send(limited_jobs.calm, 5)
        self.assertEqual(["narrow", "narrow", ("calm", 5)], jobs.ran)
        self.assertEqual(1, self.depth(NARROW).waiting)
        jobs.gates[0].callback(None)
        self.helper.advance()
        self.assertEqual(3, jobs.ran.count("narrow"))
        for gate in jobs.gates[1:]:
            gate.callback(None)

    def test_other_queue(self) -> None:
        """A call that came by another queue is put on its own, once, as it was."""
        self.start()
        for n in range(4):
            self.put("work.inbound", TaskMessage(task=f"{JOBS}.metered", args=[n]))
        self.assertEqual(3, len(jobs.ran))
        self.assertEqual((0, 1), (self.depth("work.inbound").waiting, self.depth(METERED).waiting))
        [left] = self.taken(METERED)
        self.assertEqual(1, left.attempt)

    def test_option_gone(self) -> None:
        """What waits in the queue of an option that a task has no more is still run."""
        self.put("work.high.inbound", TaskMessage(task=f"{JOBS}.calm", args=[1]))
        self.put(f"work.task.{JOBS}.calm.inbound", TaskMessage(task=f"{JOBS}.calm", args=[2]))
        self.start(tasks=[f"{JOBS}.calm"])
        self.assertEqual([("calm", 1), ("calm", 2)], jobs.ran)
