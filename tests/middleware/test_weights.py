"""Tests of pipeline.middleware.weights."""

from __future__ import annotations

from hypothesis import strategies as st
from twisted.trial.unittest import TestCase

from pipeline.middleware.weights import LONGEST, weights
from tests.properties import given


class Weights(TestCase):
    """Lists with weights."""

    def test_order(self) -> None:
        """The best first, of equals the first; one without a weight is 1."""
        self.assertEqual(["b", "d", "c", "a"], [*weights("a;q=0.1, B, c;q=0.5, d; q = 1.000")])

    def test_values(self) -> None:
        """A weight is from 0 to 1; of one name the first counts."""
        expected = {"x": 1.0, "gzip": 0.5, "*": 0.0}
        self.assertEqual(expected, weights("*;q=0, gzip;q=.5, x;q=1.9, gzip;q=0.5, gzip;q=1"))

    def test_nonsense(self) -> None:
        """What can't be read is left out, and so is what is too long."""
        self.assertEqual({"a": 1.0}, weights(",;q=1, a, b;q=x, c d, ;"))
        self.assertEqual({}, weights(" " * LONGEST + "a"))
        self.assertEqual({}, weights(""))

    @given(st.text())
    def test_anything(self, header: str) -> None:
        """Whatever comes, there is an answer with weights in their range."""
        self.assertTrue(all(0 <= weight <= 1 for weight in weights(header).values()))
