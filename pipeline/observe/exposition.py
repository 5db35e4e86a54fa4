"""What a meter has counted, as Prometheus reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import accumulate
from typing import NamedTuple

from prometheus_client import REGISTRY, Metric, generate_latest
from prometheus_client.registry import Collector

from pipeline.observe.catalogue import CATALOGUE, Measure
from pipeline.observe.meter import Histogram, Meter

__all__ = ["Reading", "exposition"]


class Reading(NamedTuple):
    """What a measure is now, looked up when somebody asks.

    :param name: as in the catalogue: a gauge, or a counter that others count.
    :param labels: the values of its labels.
    """

    name: str
    labels: tuple[str, ...]
    value: float


def exposition(
    meter: Meter, readings: Callable[[], Iterable[Reading]], besides: Collector = REGISTRY
) -> bytes:
    """All of it, in the text format.

    :param readings: gives what is to be looked up now.
    :param besides: what is told along: the process's own figures, and all that others count in the
        library's registry.
    """
    return generate_latest(_Whole(meter, readings, besides))


class _Whole(Collector):
    """What generate_latest takes for a registry."""

    def __init__(
        self, meter: Meter, readings: Callable[[], Iterable[Reading]], besides: Collector
    ) -> None:
        self._meter = meter
        self._readings = readings
        self._besides = besides

    def collect(self) -> Iterable[Metric]:
        made = {name: _empty(measure) for name, measure in CATALOGUE.items()}
        for name, counts in self._meter.counters.items():
            for labels, count in list(counts.cells.items()):
                _add(made[name], labels, count.value)
        for name, histograms in self._meter.histograms.items():
            for labels, histogram in list(histograms.cells.items()):
                _add_histogram(made[name], labels, histogram)
        for reading in self._readings():
            _add(made[reading.name], reading.labels, reading.value)
        yield from (metric for metric in made.values() if metric.samples)
        yield from self._besides.collect()


def _empty(measure: Measure) -> Metric:
    return Metric(measure.name, measure.doc, measure.kind)


def _add(metric: Metric, labels: tuple[str, ...], value: float) -> None:
    measure = CATALOGUE[metric.name]
    metric.add_sample(measure.shown, _named(measure, labels), value)


def _add_histogram(metric: Metric, labels: tuple[str, ...], histogram: Histogram) -> None:
    if not any(histogram.counts):
        return  # a middleware has many kinds of which it never sees one: that would be long
    named = _named(CATALOGUE[metric.name], labels)
    bounds = [*map(repr, map(float, histogram.bounds)), "+Inf"]
    totals = list(accumulate(histogram.counts))
    for bound, total in zip(bounds, totals, strict=True):
        metric.add_sample(f"{metric.name}_bucket", {**named, "le": bound}, total)
    metric.add_sample(f"{metric.name}_count", named, totals[-1])
    metric.add_sample(f"{metric.name}_sum", named, histogram.sum)


def _named(measure: Measure, labels: tuple[str, ...]) -> dict[str, str]:
    return dict(zip(measure.labels, labels, strict=True))
