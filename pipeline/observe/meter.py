"""Counts and times, kept in plain numbers: who counts pays an addition, who asks pays the rest.

Labels are bound once, when a worker is made; no label has anything that stands in a message.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable
from functools import partial
from typing import Generic, TypeVar

from pipeline.observe.catalogue import CATALOGUE, Measure

__all__ = ["MOST", "OTHER", "Count", "Family", "Histogram", "Meter"]

#: The most combinations of labels that one measure has; what comes beyond is counted as OTHER.
MOST = 1000
OTHER = "other"


class Count:
    """How often something has happened.

    :ivar value: add to it.
    """

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0


class Histogram:
    """How long something has taken, in buckets.

    :param bounds: the upper bound of each bucket but the last, in seconds, from the lowest.
    :ivar counts: how many are in each bucket, and beyond all of them.
    :ivar sum: of all, in seconds.
    """

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, seconds: float) -> None:
        """It has taken so long; by clocks that differ it may have been less than nothing."""
        self.observe_all((seconds,))

    def observe_all(self, times: Iterable[float]) -> None:
        """Several things have taken so long, each."""
        bounds, counts, total = self.bounds, self.counts, 0.0
        for seconds in times:
            counts[bisect_left(bounds, seconds)] += 1
            if seconds > 0.0:
                total += seconds
        self.sum += total


CellT = TypeVar("CellT", Count, Histogram)


class Family(Generic[CellT]):
    """One measure, with a cell for each combination of its labels' values.

    :param measure: what it is.
    :param make: makes a cell.
    """

    def __init__(self, measure: Measure, make: Callable[[], CellT]) -> None:
        self.measure = measure
        self.cells: dict[tuple[str, ...], CellT] = {}
        self._make: Callable[[], CellT] = make

    def at(self, *labels: str) -> CellT:
        """The cell with these values, which is the same each time."""
        if len(labels) != len(self.measure.labels):
            raise TypeError(f"{self.measure.name} has the labels {self.measure.labels}")
        if labels not in self.cells and len(self.cells) >= MOST:
            labels = (OTHER,) * len(labels)
        cell = self.cells.get(labels)
        if cell is None:
            cell = self.cells[labels] = self._make()
        return cell


class Meter:
    """All that a process counts.

    :param sample: of so many messages one is timed on its way through middleware and handler.
    :param now: the time, in seconds since the epoch, as the server's clock has it.
    """

    def __init__(self, sample: int, now: Callable[[], float]) -> None:
        self.sample = sample
        self.now = now
        #: By name.
        self.counters: dict[str, Family[Count]] = {}
        self.histograms: dict[str, Family[Histogram]] = {}
        for name, measure in CATALOGUE.items():
            if measure.kind == "counter":
                self.counters[name] = Family(measure, Count)
            elif measure.kind == "histogram":
                self.histograms[name] = Family(measure, partial(Histogram, measure.bounds))

    def counter(self, name: str, *labels: str) -> Count:
        """The cell of a counter."""
        return self.counters[name].at(*labels)

    def histogram(self, name: str, *labels: str) -> Histogram:
        """The cell of a histogram."""
        return self.histograms[name].at(*labels)
