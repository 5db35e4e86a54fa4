"""Priorities over a real server: what is urgent goes first, and what is not is not forgotten."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from pipeline.applications.tasks import TaskApplication
from pipeline.tasks.client import Client
from pipeline.tasks.lanes import HIGH
from pipeline.tasks.registry import Task, task
from pipeline.testing import OnServer, WorkerHelper

#: What has begun, in its order: h or l.
begun: list[str] = []

#: Whether an urgent call sends another.
flooding: list[bool] = []


async def _moment() -> None:
    """Let others have a turn, as a call does that works."""
    from twisted.internet import reactor

    clock: Any = reactor
    await deferLater(clock, 0.001)


@task(name="tests.priorities.urgent", queue="work", priority="high")
async def urgent() -> None:
    """Send another as long as there is a flood."""
    begun.append("h")
    if flooding:
        await urgent.send()
    await _moment()


@task(name="tests.priorities.calm", queue="work", priority="low")
async def calm() -> None:
    """Only run."""
    begun.append("l")
    await _moment()


class Priorities(TestCase):
    """Workers that run one call of each kind at a time, and a client."""

    timeout = 120

    async def setUp(self) -> None:
        begun.clear()
        flooding.clear()
        self.helper = WorkerHelper("work", place=OnServer())
        self.addCleanup(self.helper.cleanup)
        self.client = Client(await self.helper.place.runtime())
        self.addCleanup(lambda: Deferred.fromCoroutine(self.client.stop()))

    async def start(self, name: str = "one") -> None:
        """One more worker."""
        options = {"transport_name": "work", "tasks": [__name__], "max_in_flight": 1}
        await self.helper.get_worker(TaskApplication, options, name=name)

    async def send(self, task: Task[Any, Any], count: int) -> None:
        """Send calls."""
        for _ in range(count):
            await self.client.send(task)

    def assert_shared(self, count: int) -> None:
        """Of the first that began most were high, and no low one waited for very many of them."""
        order = "".join(begun[:count])
        share = count * HIGH / (HIGH + 1)
        self.assertApproximates(share, order.count("h"), share / 10, order)
        self.assertNotIn("h" * 3 * HIGH, order)

    async def test_high_first(self) -> None:
        """Of what waits four high calls begin for each low one, though the low came first."""
        await self.send(calm, 40)
        await self.send(urgent, 80)
        await self.start()
        await self.helper.until(lambda: len(begun) == 120)
        self.assert_shared(90)
        self.assertEqual((40, 80), (begun.count("l"), begun.count("h")))

    async def test_flood(self) -> None:
        """Low calls come to an end under a flood of high ones that has none, of two workers."""
        flooding.append(True)
        await self.send(calm, 20)
        await self.send(urgent, 30)
        for name in ("one", "two"):
            await self.start(name)
        await self.helper.until(lambda: begun.count("l") == 20)
        self.assertGreater((await self.helper.depth("work.high.inbound")).waiting, 0)
        flooding.clear()
        self.assert_shared("".join(begun).rindex("l"))
