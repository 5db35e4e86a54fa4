"""What a process tells to Prometheus."""

from __future__ import annotations

import sys
from typing import Any

from prometheus_client.parser import text_string_to_metric_families
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from pipeline.message import UserMessage
from pipeline.observe.catalogue import CATALOGUE
from pipeline.service.build import build, load
from pipeline.service.monitor.metrics import Metrics
from pipeline.service.monitor.monitor import Monitor
from pipeline.signals import connection_lost, connection_made
from tests.service.support import written

SYSTEM = """
namespace: shop
redis: memory://
monitor: {listen: "tcp:0"}
workers:
  one:
    class: tests.service.blocking.Publishing
    transport_name: a
    middleware: [{pass: tests.service.support.Passing}]
  two: {class: pipeline.transports.base.Transport, transport_name: b}
"""


class MetricsCase(TestCase):
    """A system in memory, on a clock, that isn't listened to."""

    def setUp(self) -> None:
        self.patch(sys, "path", list(sys.path))
        self.clock = Clock()
        self.system = build(load(written(self, SYSTEM)), self.clock)
        self.monitor: Monitor = self.system.parts[0].owner
        self.monitor.endpoint = None
        self.system.startService()
        self.assertTrue(self.successResultOf(self.system.ready))
        self.clock.advance(1)

    def tearDown(self) -> None:
        self.system.stopService()
        self.clock.pump([1.0] * 10)

    def families(self) -> dict[str, Any]:
        page = self.monitor._metrics_page()
        self.assertEqual(200, page.status)
        self.assertIn(("Content-Length", str(len(page.content))), page.headers)
        text = page.content.decode()
        return {family.name: family for family in text_string_to_metric_families(text)}

    def values(self, name: str, *, has_happened: bool = False) -> dict[tuple[str, ...], float]:
        """Values by the values of the labels, in their order; without zeros if they must have
        happened."""
        labels = CATALOGUE[name].labels
        return {
            tuple(sample.labels[label] for label in labels): sample.value
            for sample in self.families()[name].samples
            if "le" not in sample.labels and (sample.value or not has_happened)
        }


class Page(MetricsCase):
    """One page with all of it."""

    def test_all(self) -> None:
        """Every measure of the catalogue that has something to tell is there, as its kind."""
        found = self.families()
        quiet = {
            "pipeline_queue_messages",
            "pipeline_tasks",
            "pipeline_dead_letters",
            "pipeline_transport_events",
            "pipeline_transport_state",
        }
        self.assertEqual(set(), set(CATALOGUE) - set(found) - quiet)
        for name, measure in CATALOGUE.items():
            if name in found:
                self.assertEqual(measure.kind, found[name].type, name)
        self.assertIn("process_cpu_seconds", found)

    def test_counted(self) -> None:
        """A message that a worker has sent to itself is seen all the way."""
        place = ("one", "a.inbound", "inbound")
        settled = self.values("pipeline_messages_settled", has_happened=True)
        self.assertEqual({(*place, "done"): 1.0}, settled)
        published = self.values("pipeline_messages_published", has_happened=True)
        self.assertEqual({place[:2]: 1.0}, published)
        steps = self.values("pipeline_middleware_seconds")
        self.assertIn(("one", "pass", "consume", "inbound"), steps)

    def test_zeros(self) -> None:
        """What has not happened yet is told as 0, so that the first time is an increase."""
        dead = self.values("pipeline_dead_letters")
        self.assertEqual(0.0, dead["one", "a.inbound", "inbound", "exhausted"])
        self.assertEqual(0.0, self.values("pipeline_messages_published")["two", "b.inbound"])
        settled = self.values("pipeline_messages_settled")
        self.assertEqual(0.0, settled["two", "b.outbound", "outbound", "done"])

    def test_state(self) -> None:
        """What is there now: health, connection, room."""
        self.assertEqual({("one", "a"): 0.0, ("two", "b"): 0.0}, self.values("pipeline_in_flight"))
        for name in ("pipeline_ready", "pipeline_live", "pipeline_broker_up"):
            self.assertEqual({(): 1.0}, self.values(name))
        self.system.workers["one"].broker.available = False
        self.assertEqual(
            ({(): 0.0}, {(): 0.0}),
            tuple(map(self.values, ("pipeline_ready", "pipeline_broker_up"))),
        )
        self.system.workers["one"].broker.available = True
        self.assertEqual("shop", next(iter(self.values("pipeline_build_info")))[0])
        self.assertGreater(sum(self.values("pipeline_reactor_lag_seconds").values()), 0)

    def test_silence(self) -> None:
        """For how long a read has had no answer, by queue."""
        connector = self.system.workers["one"].connectors["a"]
        connector._flow.sources[0].consumer.waiting_since = self.clock.seconds() - 7
        silences = self.values("pipeline_read_silence_seconds")
        self.assertEqual({("one", "a.inbound"): 7.0, ("two", "b.outbound"): 0.0}, silences)

    def test_connections(self) -> None:
        """The connection was made once, and each loss and return is counted."""
        self.assertEqual({(): 1.0}, self.values("pipeline_broker_connections"))
        connection_lost.send(self, reason="x")
        connection_made.send(self)
        self.assertEqual({(): 2.0}, self.values("pipeline_broker_connections"))
        self.assertEqual({(): 1.0}, self.values("pipeline_broker_connections_lost"))
        metrics: Metrics | None = self.monitor._metrics
        assert metrics is not None
        metrics.stop()
        connection_made.send(self)
        self.assertEqual({(): 2.0}, self.values("pipeline_broker_connections"))
        metrics.start()

    def test_transport(self) -> None:
        """What a transport counts by itself is told along."""
        statistics = self.system.workers["two"].statistics
        statistics.count("messages_in", 3)
        statistics.gauge("connections_open", lambda: 2)
        self.assertEqual({("two", "messages_in"): 3.0}, self.values("pipeline_transport_events"))
        self.assertEqual(
            {("two", "connections_open"): 2.0}, self.values("pipeline_transport_state")
        )

    def test_no_content(self) -> None:
        """No label has anything of a message."""
        one = self.system.workers["one"]
        secret = UserMessage(
            to_addr="secret-to",
            from_addr="secret-from",
            transport_name="a",
            transport_type="sms",
            content="secret-content",
        )
        one.own.publish("inbound", secret)
        self.clock.advance(1)
        self.assertNotIn(b"secret", self.monitor._metrics_page().content)


class Starting(TestCase):
    """Before all is there."""

    def test_starting(self) -> None:
        """The page can be asked for at any time."""
        self.patch(sys, "path", list(sys.path))
        system = build(load(written(self, SYSTEM)), Clock())
        page = system.parts[0].owner._metrics_page()
        self.assertIn(b"pipeline_ready 0.0", page.content)
        self.assertNotIn(b"pipeline_broker_up", page.content)
