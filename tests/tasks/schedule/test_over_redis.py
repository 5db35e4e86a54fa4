"""A schedule over a real server."""

from __future__ import annotations

from collections import Counter
from typing import Any

from twisted.trial.unittest import TestCase

from pipeline.applications.tasks import TaskApplication
from pipeline.tasks.schedule.state import read_schedule
from pipeline.testing import OnServer, WorkerHelper
from tests.tasks.schedule import jobs

JOBS = "tests.tasks.schedule.jobs"


class OverRedis(TestCase):
    """Several workers keep one schedule, in the time of the server."""

    timeout = 120

    async def test_each_slot_once(self) -> None:
        """Each second is called once, whoever of three stops meanwhile; the state says so."""
        jobs.slots.clear()
        entry = {"task": f"{JOBS}.note", "every": 1, "singleton": False, "missed": "all"}
        options: Any = {"tasks": [f"{JOBS}.note"], "schedule": {"e": entry}}
        async with WorkerHelper("work", place=OnServer(partitions=2)) as helper:
            workers = [await helper.get_worker(TaskApplication, options) for _ in range(3)]
            for worker in workers[:2]:
                seen = len(jobs.slots)
                await helper.until(lambda seen=seen: len(jobs.slots) >= seen + 2, "two slots")
                await helper.cleanup_worker(worker, 30)
            broker = workers[2].broker
            await helper.until(lambda: len(jobs.slots) >= 6, "six slots")
            state = (await read_schedule(broker, "work"))["e"]
            await helper.until(lambda: len(jobs.slots) >= state.calls, "what was called")
        slots = sorted(slot for slot in jobs.slots if slot is not None)
        self.assertEqual(1, max(Counter(slots).values()))
        self.assertEqual(list(range(slots[0], slots[-1] + 1, 1000)), slots)
        self.assertEqual(0, state.missed + state.skipped)

    async def test_singleton(self) -> None:
        """A call that runs holds up the next slots, until it ends."""
        jobs.slots.clear()
        jobs.gates.clear()
        options: Any = {"tasks": [JOBS], "schedule": {"e": {"task": f"{JOBS}.wait", "every": 1}}}
        async with WorkerHelper("work", place=OnServer()) as helper:
            workers = [await helper.get_worker(TaskApplication, options) for _ in range(2)]
            broker = workers[0].broker

            async def skipped() -> bool:
                state = (await read_schedule(broker, "work")).get("e")
                return state is not None and state.skipped >= 2

            await helper.until(skipped, "two slots left out")
            self.assertEqual(1, len(jobs.gates))
            jobs.gates[0].callback(None)
            await helper.until(lambda: len(jobs.gates) == 2, "the next call")
            jobs.gates[1].callback(None)
