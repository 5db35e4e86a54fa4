"""How much is in the queues, asked for now and then."""

from __future__ import annotations

import sys

from twisted.internet.defer import Deferred, fail
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from pipeline.delivery import Post
from pipeline.errors import BrokerUnavailable
from pipeline.service.build import build, load
from pipeline.service.monitor.depths import Depths
from tests.service.support import written

SYSTEM = """
redis: memory://
monitor: {listen: "tcp:0", depths: 30s}
workers:
  one: {class: tests.service.blocking.Slow, transport_name: a, stop_timeout: 0}
"""


class Looks(TestCase):
    """A worker that has one of its messages in hand, on a clock."""

    def setUp(self) -> None:
        self.patch(sys, "path", list(sys.path))
        self.clock = Clock()
        self.system = build(load(written(self, SYSTEM)), self.clock)
        self.monitor = self.system.parts[0].owner
        self.monitor.endpoint = None
        self.system.startService()
        self.clock.advance(1)
        self.addCleanup(self.stop)
        self.broker = self.system.workers["one"].broker

    def stop(self) -> None:
        self.system.stopService()
        self.clock.pump([1.0] * 60)

    def depths(self, every: float = 30) -> Depths:
        made = Depths(self.system, lambda: self.broker, every, self.clock)
        made.start()
        self.addCleanup(made.stop)
        return made

    def seen(self, depths: Depths) -> dict[tuple[str, ...], float]:
        return {reading.labels: reading.value for reading in depths.readings() if reading.value}

    def test_rounds(self) -> None:
        """Each queue that is read, now and again each so many seconds."""
        depths = self.depths()
        self.assertEqual({("a.inbound", "in_hand"): 1}, self.seen(depths))
        self.broker.publish([Post("!a.inbound", b"x")])
        self.clock.advance(29)
        self.assertEqual({("a.inbound", "in_hand"): 1}, self.seen(depths))
        self.clock.advance(1)
        found = {("a.inbound", "in_hand"): 1, ("a.inbound", "dead"): 1}
        self.assertEqual(found, self.seen(depths))

    def test_never(self) -> None:
        """With 0 it never asks."""
        depths = self.depths(0)
        self.clock.advance(1000)
        self.assertEqual([], list(depths.readings()))

    def test_server_away(self) -> None:
        """What can't be asked is not told, as long as it is so."""
        depths = self.depths()
        ask = self.broker.depth
        self.broker.depth = lambda queue: fail(BrokerUnavailable("gone"))
        self.clock.advance(30)
        self.assertEqual([], list(depths.readings()))
        self.broker.depth = ask
        self.clock.advance(30)
        self.assertEqual({("a.inbound", "in_hand"): 1}, self.seen(depths))

    def test_one_round_at_a_time(self) -> None:
        """A server that is slow is not asked twice."""
        asked: list[Deferred[None]] = []
        depths = self.depths()

        def ask(queue: str) -> Deferred[None]:
            asked.append(Deferred())
            return asked[-1]

        self.broker.depth = ask
        self.clock.advance(300)
        self.assertEqual(2, len(asked))  # the monitor's own asks, too
        depths.stop()
        for each in asked:
            each.errback(BrokerUnavailable("stopped"))

    def test_on_the_page(self) -> None:
        """The option puts it on the page."""
        self.clock.advance(30)
        page = self.monitor._metrics_page().content
        self.assertIn(b'pipeline_queue_messages{queue="a.inbound",state="in_hand"} 1.0', page)
