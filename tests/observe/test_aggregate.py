"""The metrics of several processes are told as those of one."""

from __future__ import annotations

from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Summary, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from twisted.trial.unittest import TestCase

from pipeline.observe.aggregate import Aggregate


class Process:
    """What a process counts and measures, by the library itself."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        registry = self.registry
        self.done = Counter("done", "Messages.", ["queue"], registry=registry)
        self.busy = Gauge("busy", "In hand.", registry=registry)
        self.took = Histogram("took_seconds", "Time.", registry=registry, buckets=(2, 10))
        self.size = Summary("size", "Bytes.", registry=registry)

    @property
    def text(self) -> str:
        """What it answers."""
        return generate_latest(self.registry).decode()


class Merged(TestCase):
    """Two processes."""

    def setUp(self) -> None:
        self.first, self.second = Process(), Process()
        self.whole = Aggregate()

    def take(self) -> None:
        self.whole.take("0", self.first.text)
        self.whole.take("1", self.second.text)

    def value(self, name: str, **labels: str) -> Any:
        """The value of a sample; None if there is none; never two."""
        families = text_string_to_metric_families(self.whole.text().decode())
        found = [
            sample.value
            for family in families
            for sample in family.samples
            if sample.name == name and sample.labels == labels
        ]
        self.assertLessEqual(len(found), 1)
        return found[0] if found else None

    def test_counted(self) -> None:
        """Counters are summed by their labels, also where one process only has them."""
        self.first.done.labels('q"1\n').inc(2)
        self.second.done.labels('q"1\n').inc(3)
        self.second.done.labels("q2").inc()
        self.take()
        self.assertEqual(5, self.value("done_total", queue='q"1\n'))
        self.assertEqual(1, self.value("done_total", queue="q2"))

    def test_histograms(self) -> None:
        """Histograms are summed bucket by bucket, in their order; so are sums of summaries."""
        self.first.took.observe(1)
        self.second.took.observe(5)
        self.second.took.observe(50)
        self.first.size.observe(7)
        self.take()
        counts = [self.value("took_seconds_bucket", le=le) for le in ("2.0", "10.0", "+Inf")]
        self.assertEqual([1, 2, 3], counts)
        self.assertEqual(
            (3, 56), (self.value("took_seconds_count"), self.value("took_seconds_sum"))
        )
        self.assertEqual((1, 7), (self.value("size_count"), self.value("size_sum")))
        lines = self.whole.text().decode().splitlines()
        bounds = [line.partition(" ")[0] for line in lines if "took_seconds_bucket" in line]
        self.assertEqual(
            [f'took_seconds_bucket{{le="{le}"}}' for le in ("2.0", "10.0", "+Inf")], bounds
        )

    def test_gauges(self) -> None:
        """What is measured now is told of each process."""
        self.first.busy.set(4)
        self.second.busy.set(5)
        self.take()
        self.assertEqual((4, 5), (self.value("busy", process="0"), self.value("busy", process="1")))
        self.assertIsNone(self.value("busy"))

    def test_kinds(self) -> None:
        """Each family is told once, with its kind and its help."""
        self.take()
        lines = self.whole.text().decode().splitlines()
        for line in ("# TYPE done_total counter", "# HELP took_seconds Time.", "# TYPE busy gauge"):
            self.assertEqual(1, lines.count(line), line)

    def test_ended(self) -> None:
        """What an ended process has counted stays, alone or not; its gauges go."""
        self.first.done.labels("q").inc(2)
        self.second.done.labels("q").inc(3)
        self.first.took.observe(1)
        self.take()
        self.whole.ended("0")
        self.whole.ended("nobody")
        self.assertEqual(5, self.value("done_total", queue="q"))
        self.assertIsNone(self.value("busy", process="0"))
        self.whole.ended("1")
        self.assertEqual(5, self.value("done_total", queue="q"))
        self.assertEqual(1, self.value("took_seconds_count"))

    def test_begun_anew(self) -> None:
        """A process that counts from zero again is another one: no sum falls."""
        self.first.done.labels("q").inc(9)
        self.take()
        again = Process()
        again.done.labels("q").inc(1)
        self.whole.take("0", again.text)
        self.assertEqual(10, self.value("done_total", queue="q"))
        again.done.labels("q").inc(1)
        self.whole.take("0", again.text)
        self.assertEqual(11, self.value("done_total", queue="q"))

    def test_nonsense(self) -> None:
        """What is no such text is refused, and changes nothing."""
        self.first.done.labels("q").inc(9)
        self.take()
        self.assertRaises(ValueError, self.whole.take, "0", "this is\nnot {it")
        self.assertEqual(9, self.value("done_total", queue="q"))

    def test_nothing(self) -> None:
        """Of nobody there is nothing to tell."""
        self.assertEqual(b"", self.whole.text())
