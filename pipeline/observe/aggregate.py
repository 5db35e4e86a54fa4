"""The metrics of several processes as those of one, from and to Prometheus' text format.

What is counted is summed: counters, histograms, and the sums and counts of summaries. What is
measured now, as a gauge, is each process's own: it gets a label ``process``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prometheus_client import Metric, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

__all__ = ["CONTENT_TYPE", "PROCESS", "Aggregate"]

#: What the answers say they are.
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
#: The label that tells whose a gauge is.
PROCESS = "process"

#: A sample's name and labels, sorted.
_Series = tuple[str, tuple[tuple[str, str], ...]]
_SUMMED = ("counter", "histogram", "summary")


class Aggregate:
    """Adds up what processes say, and remembers what those have counted that have ended.

    So a counter goes on growing when a process is started again with zero; else Prometheus would
    take the fall of the sum for a new beginning, and count the others' twice. What a process counts
    after it was asked for the last time is lost with it.
    """

    def __init__(self) -> None:
        self._latest: dict[str, list[Metric]] = {}
        self._ended: dict[_Series, float] = {}
        #: Families without samples, of processes that have ended.
        self._known: dict[str, Metric] = {}

    def take(self, process: str, text: str) -> None:
        """Take over what a process says now; it replaces what it said before.

        :param process: its name, as it stands in the label.
        :param text: its answer.
        :raise ValueError: it is not in the text format; what the process said before stays.
        """
        families = list(text_string_to_metric_families(text))
        if self._has_begun_anew(process, families):
            self.ended(process)
        self._latest[process] = families

    def ended(self, process: str) -> None:
        """A process is no more: keep what it has counted, and forget its gauges."""
        for family in self._latest.pop(process, ()):
            if family.type not in _SUMMED:
                continue
            self._known.setdefault(family.name, family)
            for series, value in _summed(family):
                self._ended[series] = self._ended.get(series, 0.0) + value

    def text(self) -> bytes:
        """All of it, in the text format."""
        return generate_latest(_Families(self._families()))

    def _has_begun_anew(self, process: str, families: Iterable[Metric]) -> bool:
        """Whether something has been counted down, which happens to new processes only."""
        before = {
            series: value for old in self._latest.get(process, ()) for series, value in _summed(old)
        }
        return any(
            value < before.get(series, 0.0)
            for family in families
            for series, value in _summed(family)
            if not series[0].endswith("_sum")  # what is observed may be negative
        )

    def _families(self) -> list[Metric]:
        made: dict[str, Metric] = {}
        sums = dict(self._ended)
        for process, families in self._latest.items():
            for family in families:
                whole = made.setdefault(family.name, _empty(family))
                for series, value in _summed(family):
                    sums[series] = sums.get(series, 0.0) + value
                for sample in _own(family):
                    whole.add_sample(sample.name, {**sample.labels, PROCESS: process}, sample.value)
        for name, family in self._known.items():
            made.setdefault(name, _empty(family))
        self._add(sums, made)
        return list(made.values())

    def _add(self, sums: dict[_Series, float], made: dict[str, Metric]) -> None:
        """Put each sum into its family, those of one histogram together."""
        names = {
            name: family
            for family in made.values()
            for name in (f"{family.name}{end}" for end in ("", "_total", *_ENDS))
            if family.type in _SUMMED
        }
        for (name, labels), value in sorted(sums.items(), key=_place):
            names[name].add_sample(name, dict(labels), value)


_ENDS = ("_bucket", "_count", "_sum")


class _Families(Collector):
    """What generate_latest takes for a registry."""

    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> list[Metric]:
        return self._families


def _empty(family: Metric) -> Metric:
    return Metric(family.name, family.documentation, family.type)


def _summed(family: Metric) -> Iterator[tuple[_Series, float]]:
    """The samples that are added up."""
    if family.type not in _SUMMED:
        return
    for sample in family.samples:
        if family.type != "summary" or sample.name.endswith(("_sum", "_count")):
            yield (sample.name, tuple(sorted(sample.labels.items()))), sample.value


def _own(family: Metric) -> list[Sample]:
    """The samples that stay each process's own."""
    if family.type == "summary":
        return [each for each in family.samples if not each.name.endswith(("_sum", "_count"))]
    return [] if family.type in _SUMMED else list(family.samples)


def _place(item: tuple[_Series, float]) -> tuple[str, list[tuple[str, str]], float]:
    """Buckets by their bounds, as numbers; each histogram's after one another."""
    (name, labels), _ = item
    bound = dict(labels).get("le", "-inf")
    return name, [label for label in labels if label[0] != "le"], float(bound)
