"""Looking again and again."""

from __future__ import annotations

import json
import os
from argparse import Namespace
from io import StringIO
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pipeline.brokers.memory import MemoryBroker
from pipeline.cli import watching
from pipeline.cli.watching import LOOK_LIMIT, Looks, watch
from pipeline.delivery import Post
from pipeline.errors import BrokerUnavailable


class Terminal(StringIO):
    """A terminal of 60 columns and 6 rows."""

    def isatty(self) -> bool:
        return True


class Watching(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1_764_000_000)
        self.broker = MemoryBroker(self.clock, workers=["web"])
        self.broker.start()
        self.addCleanup(self.broker.stop)
        size = os.terminal_size((60, 6))
        self.patch(watching.shutil, "get_terminal_size", lambda: size)

    def looks(self, **options: Any) -> Looks:
        return Looks(
            self.broker, ["q"], clock=self.clock, dead_after=15, **{"wanted": None, **options}
        )

    def watch(self, stream: StringIO, **options: Any) -> Deferred[int]:
        """Watch twice and no more."""
        args = Namespace(**{"interval": 1.0, "json": False, "partitions": False, **options})
        watched = Deferred.fromCoroutine(watch(self.looks(), args, stream, self.clock))
        self.clock.advance(1)
        return watched

    def test_measured(self) -> None:
        """Rates are measured between two looks; with no time between them there is one."""
        told: list[Any] = []
        measuring = Deferred.fromCoroutine(self.looks().measured(2))
        measuring.addCallback(told.append)
        self.broker.publish([Post("q", b"x"), Post("q", b"y")])
        self.clock.advance(2)
        self.assertEqual(1.0, told[0]["queues"][0]["in_per_second"])
        once = self.successResultOf(Deferred.fromCoroutine(self.looks().measured(0)))
        self.assertIsNone(once["queues"][0]["in_per_second"])

    def test_in_place(self) -> None:
        """On a terminal each picture stands where the last one did, and no line is too long."""
        stream = Terminal()
        watching = self.watch(stream)
        watching.cancel()
        self.assertEqual(0, self.successResultOf(watching))
        _, first, second = stream.getvalue().split("\033[H")
        self.assertTrue(stream.getvalue().startswith("\033[2J"))
        for picture in (first, second):
            self.assertTrue(picture.endswith("\n\033[J"))
            lines = picture.removesuffix("\n\033[J").split("\n")
            self.assertEqual(5, len(lines))
            for line in lines:
                self.assertTrue(line.endswith("\033[K"))
                self.assertLess(len(line.removesuffix("\033[K")), 60)

    def test_elsewhere(self) -> None:
        """Where no terminal is one picture follows the other, and nothing draws."""
        stream = StringIO()
        self.watch(stream).cancel()
        self.assertEqual(2, stream.getvalue().count("WORKERS"))
        self.assertNotIn("\033", stream.getvalue())

    def test_json(self) -> None:
        """JSON comes a line for each look."""
        stream = Terminal()
        self.watch(stream, json=True).cancel()
        looks = [json.loads(line) for line in stream.getvalue().splitlines()]
        self.assertEqual(["q", "q"], [each["queues"][0]["queue"] for each in looks])

    def test_server_away(self) -> None:
        """A server that goes away, or doesn't answer, is told of above the last picture; then it
        goes on."""
        stream = Terminal()
        watched = self.watch(stream)
        real = self.broker.overseer
        ways: list[Any] = [Deferred.fromCoroutine(_away()), Deferred()]
        overseer = real()
        self.patch(overseer, "queues", lambda: ways.pop(0) if ways else succeed(["again"]))
        self.patch(self.broker, "overseer", lambda: overseer)
        stream.truncate(0)
        self.clock.advance(1)
        self.assertIn("the server is away: no cable\033[K\n\033[K\nWORKERS", stream.getvalue())
        self.clock.advance(1)
        self.clock.advance(LOOK_LIMIT)
        self.assertIn("no answer from the server for 5 s", stream.getvalue())
        self.clock.advance(1)
        last = stream.getvalue().rpartition("\033[H")[2]
        self.assertTrue(last.startswith("WORKERS"), last)
        self.assertIn("… and 4 lines more", last)
        watched.cancel()
        self.assertEqual(0, self.successResultOf(watched))

    def test_server_away_elsewhere(self) -> None:
        """Without a terminal it is a line of its own; in JSON an object with ``error``."""
        overseer = self.broker.overseer()
        self.patch(overseer, "queues", lambda: Deferred.fromCoroutine(_away()))
        self.patch(self.broker, "overseer", lambda: overseer)
        for options, said in (({}, "the server is away: no cable\n"), ({"json": True}, None)):
            stream = StringIO()
            self.watch(stream, **options).cancel()
            told = stream.getvalue()
            if said is None:
                self.assertEqual(
                    "the server is away: no cable", json.loads(told.splitlines()[0])["error"]
                )
            else:
                self.assertEqual(2 * said, told)


async def _away() -> Any:
    raise BrokerUnavailable("no cable")
