"""The garbage collector looks seldom, and still finds what is left in circles."""

from __future__ import annotations

import json
import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

from pipeline.service.collecting import SELDOM

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
