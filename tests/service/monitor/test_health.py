"""Health tells progress, and says why there is none."""

from __future__ import annotations

import sys
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from pipeline.service.build import build, load
from pipeline.service.monitor.health import BEATS, LOOK, Health, Verdict
from pipeline.service.monitor.readers import SILENT, SILENT_ALONE
from pipeline.service.running import Part, System
from tests.service.support import written

SYSTEM = """
namespace: shop
redis: memory://
workers:
  one: {class: tests.service.support.Plain, transport_name: a, max_in_flight: 3}
"""


class HealthCase(TestCase):
    """A system of one worker, in memory and on a clock."""

    def setUp(self) -> None:
        self.patch(sys, "path", list(sys.path))
        self.clock = Clock()
        self.system = build(load(written(self, SYSTEM)), self.clock)
        broker = self.system.parts[0]
        self.health = Health(self.system, lambda: self.worker.broker, self.clock, 300)
        self.addCleanup(self.stop)
        self.assertEqual("the broker", broker.name)

    @property
    def worker(self) -> Any:
        return self.system.workers["one"]

    def start(self) -> None:
        self.system.startService()
        self.assertTrue(self.successResultOf(self.system.ready))

    def stop(self) -> None:
        self.system.stopService()
        self.clock.pump([1.0] * 10)

    def ready(self) -> tuple[int, Any]:
        answer = self.health.ready()
        self.assertEqual(answer.content["ready"], answer.status == 200)
        return answer.status, answer.content

    def live(self) -> tuple[int, Any]:
        answer = self.health.live()
        self.assertEqual(answer.content["live"], answer.status == 200)
        return answer.status, answer.content["reasons"]


class Readiness(HealthCase):
    """200 while all that runs makes progress."""

    def test_life(self) -> None:
        """It is not ready before all is there, then it is, and not when it stops."""
        status, said = self.ready()
        self.assertEqual((503, ("it is starting",)), (status, said["reasons"]))
        self.start()
        status, said = self.ready()
        self.assertEqual((200, ()), (status, said["reasons"]))
        self.assertEqual("shop", said["namespace"])
        connectors = {"a": {"reads": ["a.inbound", "a.event"], "in_hand": 0, "max_in_flight": 3}}
        one = {"ready": True, "reasons": [], "connectors": connectors}
        self.assertEqual({"one": one}, said["workers"])
        self.stop()
        self.assertEqual(("it is stopping",), self.ready()[1]["reasons"])
        self.assertEqual((200, ()), self.live())

    def test_server_lost(self) -> None:
        """Without a server it is not ready, with the reason; it lives, since others can't help."""
        self.start()
        self.worker.broker.available, self.worker.broker.problem = False, "refused"
        self.clock.advance(1000)
        self.assertEqual(("no connection to the server: refused",), self.ready()[1]["reasons"])
        self.assertEqual((200, ()), self.live())
        self.worker.broker.available = True
        self.assertEqual(200, self.ready()[0])

    def test_beats(self) -> None:
        """Beats that don't get through make it unready; with a server there, a restart helps."""
        self.start()
        self.health.look()
        self.worker.broker.silence = BEATS + 1
        self.assertEqual(("the server has taken no beat for 6 s",), self.ready()[1]["reasons"])
        self.assertEqual((200, ()), self.live())
        self.worker.broker.silence = SILENT_ALONE + 1
        self.clock.advance(SILENT_ALONE + 1)
        status, [reason] = self.live()
        self.assertEqual(503, status)
        self.assertIn("no beat for 61 s, though the server is there", reason)

    def test_reader(self) -> None:
        """A reader without an answer is told by its worker and queue."""
        self.start()
        source = self.worker.connectors["a"]._flow.sources[0]
        source.consumer.waiting_since = self.clock.seconds()
        self.clock.advance(SILENT + 1)
        said = self.ready()[1]
        why = "a.inbound: the server has not answered a read for 13 s"
        self.assertEqual((f"worker 'one': {why}",), said["reasons"])
        self.assertEqual(
            (False, [why]), (said["workers"]["one"]["ready"], said["workers"]["one"]["reasons"])
        )
        self.assertEqual((200, ()), self.live())
        self.clock.advance(SILENT_ALONE + 1)
        self.assertEqual(503, self.live()[0])


class Looking(HealthCase):
    """It looks by itself, and tells who wants to know."""

    def test_observers(self) -> None:
        """Each second, until it is stopped."""
        seen: list[Verdict] = []
        self.health.observers.append(seen.append)
        self.start()
        self.health.start()
        self.clock.pump([LOOK] * 3)
        self.assertEqual(4, len(seen))
        self.assertEqual(((), ()), (seen[-1].live, seen[-1].unready))
        self.health.stop()
        self.clock.pump([LOOK] * 3)
        self.assertEqual(4, len(seen))


class Failed(TestCase):
    """A system that can't start says why."""

    def test_problem(self) -> None:
        """Its problem is the reason."""
        clock = Clock()

        async def start() -> None:
            raise OSError("no disk")

        part = Part("the disk", start, lambda deadline: Deferred.fromCoroutine(nothing()))
        system = System([part], clock)
        health = Health(system, lambda: None, clock, 0)
        system.startService()
        self.assertFalse(self.successResultOf(system.ready))
        self.assertEqual(("the disk could not start: no disk",), health.look().unready)


async def nothing() -> None:
    """Does nothing."""
