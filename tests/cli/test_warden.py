"""What is done with queues, and said of it; over a real server it is tested in test_queues."""

from __future__ import annotations

import argparse
import io
import json
import sys
from types import SimpleNamespace
from typing import Any

from pipeline.cli import warden
from pipeline.cli.warden import ACTIONS, Warden
from pipeline.delivery import Post
from pipeline.errors import PipelineError
from pipeline.observe import queues
from tests.tasks import jobs
from tests.tasks.states.support import StatesCase

QUEUE = "work.inbound"


class Wardens(StatesCase):
    def setUp(self) -> None:
        super().setUp()
        self.asked: list[str] = []

        async def confirmed(question: str, clock: Any) -> None:
            self.asked.append(question)

        self.patch(warden, "confirmed", confirmed)

    def warden(self, **options: Any) -> Warden:
        given = {
            "queue": QUEUE,
            "queues": [QUEUE],
            "json": False,
            "yes": False,
            "id": [],
            "delayed": False,
            "partition": None,
            "limit": 10,
            "interval": 0,
            "all": False,
            "partitions": False,
            "by": "ada",
            "reason": "",
            **options,
        }
        config = SimpleNamespace(dead_after=15)
        return Warden(self.client, argparse.Namespace(**given), config, {QUEUE}, {"web.inbound"})

    def do(self, action: str, status: int = 0, **options: Any) -> str:
        """What an action prints."""
        told = io.StringIO()
        self.patch(sys, "stdout", told)
        self.assertEqual(status, self.now(ACTIONS[action](self.warden(**options))))
        return told.getvalue()

    def fails(self, action: str, **options: Any) -> str:
        """Why an action fails."""
        from twisted.internet.defer import Deferred

        doing = Deferred.fromCoroutine(ACTIONS[action](self.warden(**options)))  # type: ignore[arg-type]
        return str(self.failureResultOf(doing, PipelineError).value)

    def fill(self, count: int) -> None:
        self.successResultOf(
            self.broker.publish([Post(QUEUE, b"\xff%d" % n) for n in range(count)])
        )

    def test_list(self) -> None:
        """Queues that are read are listed though nothing is in them; others only with ``all``."""
        self.fill(2)
        self.assertIn("1 queue: 2 waiting", self.do("list"))
        self.assertIn("2 queues: 2 waiting", self.do("list", all=True))
        [told] = json.loads(self.do("list", json=True))["queues"]
        self.assertEqual((QUEUE, 2), (told["queue"], told["waiting"]))

    def test_peek(self) -> None:
        """So many are shown as are wanted, and it is said if there are more."""
        self.fill(3)
        self.assertIn("3 messages waiting\n", self.do("peek"))
        told = self.do("peek", limit=2)
        self.assertIn("2 messages waiting, and there are more: see --limit", told)
        self.assertIn("undecodable: ff31", told)
        told = json.loads(self.do("peek", limit=1, json=True))
        self.assertEqual((1, True), (len(told["messages"]), told["more"]))
        self.assertEqual(3, len(json.loads(self.do("peek", limit=0, json=True))["messages"]))
        self.assertEqual("0 messages delayed\n", self.do("peek", delayed=True))

    def test_purge(self) -> None:
        """It asks with the number, unless there is nothing or it was said; calls end as well."""
        self.assertEqual("0 messages thrown away\n", self.do("purge"))
        self.fill(2)
        handle = self.send(jobs.add, 1)
        self.assertEqual("3 messages thrown away\n", self.do("purge"))
        self.assertEqual(
            [f"Throw away 3 messages waiting in {QUEUE}, for ever? [y/N] "], self.asked
        )
        self.assertEqual("cancelled", self.status(handle).state)
        self.fill(1)
        told = json.loads(self.do("purge", yes=True, json=True))
        expected = {"queue": QUEUE, "kind": "waiting", "purged": 1, "gone": 0, "kept": 0}
        self.assertEqual((expected, 1), (told, len(self.asked)))

    def test_kept(self) -> None:
        """A message that changes again and again is kept, and that is a failure."""
        self.patch(queues, "TRIES", 0)
        self.fill(1)
        self.assertIn("1 kept: they are in use", self.do("purge", 1, yes=True))

    def test_pauses(self) -> None:
        """What was paused or resumed is told, and what was so already."""
        self.assertEqual(f"{QUEUE} is paused\n", self.do("pause"))
        told = json.loads(self.do("pause", queues=[QUEUE, "web.inbound"], json=True))
        self.assertEqual({"paused": ["web.inbound"], "already": [QUEUE]}, told)
        self.assertIn("paused by ada", self.do("list"))
        told = self.do("resume", queues=[QUEUE, "x"])
        self.assertEqual(f"{QUEUE} is resumed\nx was not paused\n", told)
        told = json.loads(self.do("resume", queues=["web.inbound"], json=True))
        self.assertEqual({"resumed": ["web.inbound"], "not_paused": []}, told)

    def test_unknown(self) -> None:
        """A queue that nobody knows is an error, unless something is in it; so is a partition."""
        for action in ("peek", "purge", "pause"):
            said = self.fails(action, queue="work.inbuond", queues=["work.inbuond"])
            self.assertEqual("there is no queue 'work.inbuond': did you mean 'work.inbound'?", said)
        self.successResultOf(self.broker.publish([Post("lost.inbound", b"x")]))
        self.assertIn("1 message waiting", self.do("peek", queue="lost.inbound"))
        self.assertIn("they are 0 to 0", self.fails("peek", partition=1))
