"""Counting is an addition, bound to its labels once."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from pipeline.observe.meter import MOST, OTHER, Count, Histogram, Meter


class Cells(TestCase):
    """What is counted, and where."""

    def setUp(self) -> None:
        self.meter = Meter(100, lambda: 0.0)

    def test_bound(self) -> None:
        """The same labels give the same cell, other labels another one."""
        first = self.meter.counter("pipeline_messages_shed", "w", "a")
        first.value += 2
        self.assertIs(first, self.meter.counter("pipeline_messages_shed", "w", "a"))
        self.assertEqual(0, self.meter.counter("pipeline_messages_shed", "w", "b").value)

    def test_labels(self) -> None:
        """All labels are needed, and the name of something that is counted so."""
        self.assertRaises(TypeError, self.meter.counter, "pipeline_messages_shed", "w")
        self.assertRaises(KeyError, self.meter.counter, "pipeline_wait_seconds", "w", "q", "k")

    def test_bounded(self) -> None:
        """However many labels come, so many are told apart; the rest is counted together."""
        family = self.meter.counters["pipeline_messages_shed"]
        cells = {id(family.at("w", str(n))) for n in range(MOST + 50)}
        self.assertEqual(MOST + 1, len(cells))
        self.assertIs(family.at(OTHER, OTHER), family.at("w", "one more"))

    def test_histogram(self) -> None:
        """A time falls into the first bucket whose bound it doesn't exceed; none is negative."""
        histogram = Histogram((0.1, 1.0))
        for seconds in (0.1, 0.5, 1.0, 7.0, -3.0):
            histogram.observe(seconds)
        self.assertEqual([2, 2, 1], histogram.counts)
        self.assertAlmostEqual(8.6, histogram.sum)

    def test_slots(self) -> None:
        """Cells are small."""
        self.assertFalse(hasattr(Count(), "__dict__"))
        self.assertFalse(hasattr(Histogram(()), "__dict__"))
