"""Tests of pipeline.tasks.lanes."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipeline.delivery import Limit
from pipeline.errors import ConfigError
from pipeline.tasks.lanes import HIGH, Lane, lane_of, rate_of
from pipeline.tasks.registry import Task


class Named(SynchronousTestCase):
    """The options of a task say where its calls wait."""

    def test_none(self) -> None:
        """A task without any has no lane, and its calls the connector's queue."""
        self.assertIsNone(lane_of("a", None, None, "low"))

    def test_priority(self) -> None:
        """High ones of all tasks wait together."""
        lane = lane_of("a", None, None, "high")
        self.assertEqual(Lane("high", None, HIGH), lane)
        self.assertEqual("tasks.high.inbound", lane.queue("tasks") if lane else "")

    def test_limits(self) -> None:
        """A task with a limit has a queue of its own, whatever its priority."""
        for options, limit, weight in (
            (("10/s", None, "low"), Limit(0, 10, 1000), 1),
            ((None, 3, "low"), Limit(3), 1),
            (("100/m", 3, "high"), Limit(3, 100, 60_000), HIGH),
        ):
            lane = lane_of("shop.crawl", *options)
            self.assertEqual(Lane("task.shop.crawl", limit, weight), lane)
            self.assertEqual("web.task.shop.crawl.inbound", lane.queue("web") if lane else "")

    def test_refused(self) -> None:
        """A wrong option is an error that names the task and the option."""
        for options, said in (
            (("10", None, "low"), "rate_limit: a rate is written as '10/s'"),
            ((None, 0, "low"), "concurrency must be 1 or more, got 0"),
            ((None, True, "low"), "concurrency must be 1 or more, got True"),
            ((None, None, "urgent"), "priority must be 'high' or 'low', got 'urgent'"),
        ):
            error = self.assertRaises(ConfigError, lane_of, "shop.crawl", *options)
            self.assertIn("task shop.crawl: " + said, str(error))
        self.assertRaises(ConfigError, lane_of, "me@home", "1/s", None, "low")

    def test_task(self) -> None:
        """A task knows its lane, and the queue that it is sent to."""

        async def run() -> None: ...

        made: Task[Any, Any] = Task(run, name="a", queue="mail", concurrency=1)
        self.assertEqual("mail.task.a.inbound", made.own_queue)
        self.assertIsNone(Task(run, name="a").own_queue)


class Rates(SynchronousTestCase):
    """A rate is a number of calls and a time."""

    def test_read(self) -> None:
        """Seconds, minutes, hours, days, and several of them."""
        for text, expected in (
            ("10/s", (10, 1000)),
            ("100/m", (100, 60_000)),
            ("5/h", (5, 3_600_000)),
            ("1/d", (1, 86_400_000)),
            ("20/5s", (20, 5000)),
        ):
            self.assertEqual(expected, rate_of(text))

    def test_refused(self) -> None:
        """What is none, or beyond all measure, is refused."""
        wrong: list[Any] = ["", "0/s", "10/0s", "10/ms", "1.5/s", "-1/s", "10 /s", 10, None]
        for text in (*wrong, "100001/s", "1/367d"):
            self.assertRaises(ValueError, rate_of, text)
