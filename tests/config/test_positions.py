"""Mappings and lists remember where they were written."""

from __future__ import annotations

import copy

from twisted.trial.unittest import TestCase

from pipeline.config.positions import Items, Place, Section, copied, key_position, merged, position


def sample() -> Section:
    """A section with a scalar, a list and an inner section."""
    inner = Section({"deep": 1}, {"deep": Place("f:4:3", "f:4:9")}, "f:4:3")
    items = Items(["x", "y"], {0: Place("f:2:9", "f:2:9"), 1: Place("f:2:12", "f:2:12")}, "f:2:8")
    return Section(
        {"plain": "a", "list": items, "inner": inner},
        {
            "plain": Place("f:1:1", "f:1:8"),
            "list": Place("f:2:1", "f:2:8"),
            "inner": Place("f:3:1", "f:4:3"),
        },
        "f:1:1",
    )


class Positions(TestCase):
    """position() finds the closest place that is known."""

    def test_scalar(self) -> None:
        """A scalar stands where its value is."""
        self.assertEqual("f:1:8", position(sample(), ("plain",)))
        self.assertEqual("f:4:9", position(sample(), ("inner", "deep")))
        self.assertEqual("f:2:12", position(sample(), ("list", 1)))

    def test_container(self) -> None:
        """A mapping or list stands where its key is."""
        self.assertEqual("f:3:1", position(sample(), ("inner",)))
        self.assertEqual("f:2:1", position(sample(), ("list",)))

    def test_missing(self) -> None:
        """What isn't there stands where the nearest thing around it does."""
        self.assertEqual("f:3:1", position(sample(), ("inner", "nope", "more")))
        self.assertEqual("f:2:1", position(sample(), ("list", 7)))
        self.assertEqual("f:1:8", position(sample(), ("plain", "x")))
        self.assertEqual("f:1:1", position(sample()))

    def test_plain(self) -> None:
        """A plain dict has no position, but what it holds may."""
        self.assertIsNone(position({"a": 1}, ("a",)))
        self.assertEqual("f:4:9", position({"a": sample()}, ("a", "inner", "deep")))
        self.assertIsNone(key_position({"a": 1}, "a"))

    def test_key(self) -> None:
        """A key stands where it is written; one that isn't there, where the mapping is."""
        self.assertEqual("f:1:1", key_position(sample(), "plain"))
        self.assertEqual("f:1:1", key_position(sample(), "nope"))


class Copies(TestCase):
    """Sections are copied with or without their positions."""

    def test_equal(self) -> None:
        """A section is equal to the dict of its entries, a list to its items'."""
        self.assertEqual({"plain": "a", "list": ["x", "y"], "inner": {"deep": 1}}, sample())

    def test_parts(self) -> None:
        """without() and only() keep positions and leave the original alone."""
        whole = sample()
        self.assertEqual({"plain"}, set(whole.only("plain", "nope")))
        self.assertEqual({"plain"}, set(whole.without("list", "inner")))
        self.assertEqual("f:1:8", position(whole.without("list"), ("plain",)))
        self.assertEqual(3, len(whole))

    def test_merged(self) -> None:
        """Of equal keys the last one wins, with its own position or with none."""
        first = Section(
            {"a": 1, "b": 2, "c": 3}, dict.fromkeys("abc", Place("f:1:1", "f:1:4")), "f"
        )
        second = Section({"b": 4}, {"b": Place("g:1:1", "g:1:4")}, "g")
        whole = merged(first, second, {"c": 5})
        self.assertEqual({"a": 1, "b": 4, "c": 5}, whole)
        self.assertEqual("f:1:4", position(whole, ("a",)))
        self.assertEqual("g:1:4", position(whole, ("b",)))
        self.assertEqual("g", position(whole, ("c",)))

    def test_copied(self) -> None:
        """copied() shares no container with the original and gives plain ones."""
        whole = sample()
        plain = copied(whole)
        self.assertEqual(whole, plain)
        self.assertIs(dict, type(plain["inner"]))
        self.assertIs(list, type(plain["list"]))
        self.assertIsNot(whole["inner"], plain["inner"])

    def test_deepcopy(self) -> None:
        """copy.deepcopy keeps the positions."""
        self.assertEqual("f:4:9", position(copy.deepcopy(sample()), ("inner", "deep")))
