"""What is counted is told in Prometheus' text format, as its own parser reads it."""

from __future__ import annotations

from typing import Any

from prometheus_client import CollectorRegistry, Counter
from prometheus_client.parser import text_string_to_metric_families
from twisted.trial.unittest import TestCase

from pipeline.observe.catalogue import CATALOGUE
from pipeline.observe.exposition import Reading, exposition
from pipeline.observe.meter import Meter


class Text(TestCase):
    """A meter with a few figures."""

    def setUp(self) -> None:
        self.meter = Meter(100, lambda: 0.0)
        self.readings: list[Reading] = []
        self.registry = CollectorRegistry()

    def families(self) -> dict[str, Any]:
        text = exposition(self.meter, lambda: self.readings, self.registry).decode()
        return {family.name: family for family in text_string_to_metric_families(text)}

    def test_counter(self) -> None:
        """A counter has its ending, its labels, its kind and its help."""
        self.meter.counter("pipeline_messages_published", "w", 'odd"\n\\').value += 3
        family = self.families()["pipeline_messages_published"]
        measure = CATALOGUE[family.name]
        self.assertEqual(("counter", measure.doc), (family.type, family.documentation))
        [sample] = family.samples
        self.assertEqual("pipeline_messages_published_total", sample.name)
        labels = {"worker": "w", "queue": 'odd"\n\\'}
        self.assertEqual((labels, 3), (sample.labels, sample.value))

    def test_histogram(self) -> None:
        """Buckets add up, to the last one that has all."""
        histogram = self.meter.histogram("pipeline_reactor_lag_seconds")
        for seconds in (0.0005, 0.0005, 3.0, 100.0):
            histogram.observe(seconds)
        samples = self.families()["pipeline_reactor_lag_seconds"].samples
        buckets = {each.labels["le"]: each.value for each in samples if "le" in each.labels}
        self.assertEqual(
            (2, 2, 3, 4), tuple(buckets[le] for le in ("0.001", "2.5", "10.0", "+Inf"))
        )
        rest = {each.name[-5:]: each.value for each in samples if "le" not in each.labels}
        self.assertEqual({"count": 4, "s_sum": 103.001}, rest)

    def test_empty(self) -> None:
        """A histogram of nothing is left out; a counter of nothing is told."""
        self.meter.histogram("pipeline_reactor_lag_seconds")
        self.meter.counter("pipeline_messages_published", "w", "q")
        self.assertEqual({"pipeline_messages_published"}, set(self.families()))

    def test_readings(self) -> None:
        """What is looked up now is told beside what was counted."""
        self.readings = [
            Reading("pipeline_in_flight", ("w", "a"), 7),
            Reading("pipeline_transport_events", ("w", "requests"), 5),
        ]
        families = self.families()
        self.assertEqual("gauge", families["pipeline_in_flight"].type)
        [sample] = families["pipeline_transport_events"].samples
        self.assertEqual(("pipeline_transport_events_total", 5), (sample.name, sample.value))

    def test_besides(self) -> None:
        """What others count in the library's own registry comes along; what is empty doesn't."""
        Counter("shop_sales", "Sales.", registry=self.registry).inc()
        self.assertEqual({"shop_sales", "shop_sales_created"}, set(self.families()))
