"""Tests of pipeline.testing.inplace."""

from __future__ import annotations

import threading
from typing import Any

from twisted.internet.task import deferLater

from pipeline.tasks import task
from pipeline.tasks.handle import TaskHandle
from pipeline.testing.cases import PipelineTestCase
from pipeline.testing.inplace import InPlaceClient, InPlaceSyncSender, InPlaceTasks
from pipeline.testing.workers import WorkerHelper
from tests.testing.jobs import double, parents


@task(queue="helped")
def threads(number: int) -> str:
    return threading.current_thread().name


class InPlace(PipelineTestCase):
    """The application, and who sends to it."""

    def setUp(self) -> None:
        self.helper = self.add_helper(WorkerHelper("helped"))
        self.client = InPlaceClient(self.runtime())

    def runtime(self) -> Any:
        return self.helper.now(self.helper.place.runtime())

    def serve(self, queue: str, *tasks: Any) -> None:
        self.helper.get_worker(
            InPlaceTasks, {"transport_name": queue, "tasks": list(tasks)}, name=queue
        ).now()

    def test_thread(self) -> None:
        """A task for a thread runs in this one, at once."""
        self.serve("helped", threads)
        handle: TaskHandle = self.client.wait(self.client.send(threads, [1]))
        self.assertEqual(threading.current_thread().name, self.helper.now(handle.result()))

    def test_sends_from_thread(self) -> None:
        """What a task sends as from a thread leaves with its settlement, and runs."""
        self.serve("helped", double)
        self.serve("helped_too", parents)
        handle: TaskHandle = self.client.wait(self.client.send(parents, [4]))
        child = self.helper.now(handle.result())
        self.assertEqual("finished", self.helper.now(self.client.status(child)).state)

    def test_wait(self) -> None:
        """The clock is turned while somebody waits."""

        async def late() -> float:
            before = self.helper.clock.seconds()
            await deferLater(self.helper.clock, 5)
            return float(self.helper.clock.seconds() - before)

        self.assertEqual(5, self.client.wait(late()))

    def test_sync(self) -> None:
        """A wait of synchronous code runs what is queued, once; what is not there then isn't."""
        ran: list[int] = []
        sender = InPlaceSyncSender(self.client, lambda: ran.append(1))
        self.assertTrue(sender.wait_for(lambda: bool(ran), 1))
        self.assertFalse(sender.wait_for(lambda: len(ran) > 2, 1))
        self.assertEqual(2, len(ran))
        with self.assertRaisesRegex(AssertionError, "no result"):
            sender.wait_for(lambda: False, None)
        self.assertEqual(double.name, sender.send(double, [1], {}).task)
        self.assertEqual(600, len(sender.send_many(double, [[n] for n in range(600)])))
        self.helper.now(self.client.stop())
