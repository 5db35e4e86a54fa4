"""The garbage collector looks seldom, and still finds what is left in circles."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from pipeline.service.collecting import MOST, SELDOM, collect_beyond, mind

PROGRAM = """
import gc, json, weakref
from twisted.internet import reactor
from pipeline.service.collecting import collect_seldom

class Circle: pass

def circles():
    made = []
    for _ in range(50_000):
        circle = Circle()
        circle.itself = circle
        made.append(weakref.ref(circle))
    left = sum(1 for each in made if each() is not None)
    print(json.dumps([gc.get_threshold(), gc.get_freeze_count() > 1000, left]))
    reactor.stop()

before = gc.get_threshold()
collect_seldom(reactor)
assert gc.get_threshold() == before
reactor.callWhenRunning(circles)
reactor.run()
"""


class Seldom(SynchronousTestCase):
    def test_seldom(self) -> None:
        """Once the reactor runs it looks at new things only, seldom, but it does look."""
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=60
        )
        threshold, is_frozen, left = json.loads(done.stdout)
        self.assertEqual((list(SELDOM), True), (threshold, is_frozen))
        self.assertLess(left, SELDOM[0] + 1000)


class Beyond(SynchronousTestCase):
    """Reads many queues."""

    def setUp(self) -> None:
        self.addCleanup(gc.set_threshold, *gc.get_threshold())

    def test_in_hand(self) -> None:
        """It looks when more was made than may be in hand, but never for a huge number only."""
        for in_hand, young in (([100, 20], SELDOM[0]), ([10_000, 10_000], 60_000), ([10**9], MOST)):
            collect_beyond([worker_with(each) for each in in_hand])
            self.assertEqual((young, *SELDOM[1:]), gc.get_threshold())

    def test_when_ready(self) -> None:
        """What a system has in hand is known when all its workers are there."""
        system = SimpleNamespace(workers={}, ready=Deferred())
        mind(system)
        before = gc.get_threshold()
        system.workers["it"] = worker_with(20_000)
        self.assertEqual(before, gc.get_threshold())
        system.ready.callback(True)
        self.assertEqual(60_000, gc.get_threshold()[0])
        self.assertTrue(self.successResultOf(system.ready))


def worker_with(in_hand: int) -> Any:
    """What is looked at of a worker with one connector."""
    return SimpleNamespace(connectors={"a": SimpleNamespace(max_in_flight=in_hand)})
