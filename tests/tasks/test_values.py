"""Tests of pipeline.tasks.values."""

from __future__ import annotations

import enum
import inspect
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, NamedTuple
from uuid import UUID

import msgspec
from twisted.trial.unittest import TestCase

from pipeline.codec import Codec
from pipeline.message import TaskMessage
from pipeline.tasks.values import Hint, Hints

if TYPE_CHECKING:
    from nowhere import Unknown


class Colour(enum.Enum):
    """An enum."""

    RED = "r"


@dataclass
class Item:
    """A dataclass."""

    name: str
    price: Decimal


class Order(msgspec.Struct):
    """A Struct with parts."""

    items: list[Item]
    at: datetime


class Point(NamedTuple):
    """A named tuple."""

    x: int
    y: int


class Thing:
    """What nothing knows."""


NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
RICH: list[tuple[Any, Any]] = [
    (datetime, NOON),
    (date, NOON.date()),
    (time, time(1, 2)),
    (timedelta, timedelta(days=1, seconds=3)),
    (Decimal, Decimal("1.10")),
    (UUID, UUID(int=5)),
    (bytes, b"\x00\xff"),
    (Colour, Colour.RED),
    (Item, Item("a", Decimal("2.50"))),
    (Order, Order([Item("a", Decimal(1))], NOON)),
    (Point, Point(1, 2)),
    (set[int], {1, 2}),
    (frozenset[str], frozenset({"a"})),
    (tuple[int, str], (1, "a")),
    (dict[int, date], {3: NOON.date()}),
    (dict[str, list[UUID]], {"a": [UUID(int=1)]}),
    (datetime | None, None),
    (datetime | None, NOON),
]


class Travelling(TestCase):
    """What a hint tells of arrives as it was sent."""

    def test_both_formats(self) -> None:
        """Through JSON and through msgpack, nested too."""
        for format in ("json", "msgpack"):
            codec = Codec(format)  # type: ignore[arg-type]  # one of the two
            for hint, value in RICH:
                packed = Hint(hint).pack(value)
                sent = codec.decode(codec.encode(TaskMessage(task="t", args=[packed])))
                arrived = Hint(hint).unpack(sent["args"][0])
                self.assertEqual((value, type(value)), (arrived, type(arrived)))

    def test_refused(self) -> None:
        """What would arrive as something else, or not at all, is refused and says why."""
        refused = [
            (None, NOON, "a datetime is nothing that JSON can say"),
            (str, {1}, "a set"),
            (datetime, {"a"}, "datetime"),
            (set[int], {"a"}, "int"),
            (Thing, Thing(), "a Thing is nothing"),
            (tuple[float, ...], (float("inf"),), "no number in JSON"),
            (tuple[int, ...], {1}, "would arrive as"),
            (bytes | None, Thing(), "Thing"),
        ]
        for hint, value, why in refused:
            error = self.assertRaises(ValueError, Hint(hint).pack, value)
            self.assertIn(why, str(error))

    def test_taken_at_word(self) -> None:
        """What is plain already arrives as its hint says."""
        hint = Hint(date)
        self.assertEqual(NOON.date(), hint.unpack(hint.pack("2026-01-02")))

    def test_plain(self) -> None:
        """Hints that say no more than JSON cost nothing: what is sent is what arrives."""
        for each in (None, Any, int, list[int], dict[str, Any], str | None, Literal["a"], Thing):
            self.assertFalse(Hint(each).converts, each)
        value = [1, {"a": None}]
        self.assertIs(value, Hint(list[Any]).pack(value))

    def test_annotated(self) -> None:
        """Limits in a hint hold where it is sent."""
        from typing import Annotated

        small = Hint(Annotated[int, msgspec.Meta(le=9)])
        self.assertEqual(9, small.pack(9))
        self.assertIn("<= 9", str(self.assertRaises(ValueError, small.pack, 10)))


class OfFunctions(TestCase):
    """Hints are those of the function."""

    def _hints(self, function: Any) -> Hints:
        return Hints(function, inspect.signature(function))

    def test_unknown_names(self) -> None:
        """A hint that only the type checker knows doesn't hide the others."""

        def function(a: Unknown, b: date) -> UUID: ...

        hints = self._hints(function)
        self.assertEqual([False, True], [hints.at(n).converts for n in range(2)])
        self.assertTrue(hints.result.converts)

    def test_kinds(self) -> None:
        """Each way to give an argument has its hint."""

        def function(a: date, /, b: int, *c: UUID, d: bytes, **e: Decimal) -> None: ...

        hints = self._hints(function)
        self.assertEqual([True, False, True, True], [hints.at(n).converts for n in range(4)])
        self.assertEqual([False, True, True], [hints.of(name).converts for name in "bdx"])

    def test_are_plain(self) -> None:
        """A function whose arguments all travel as they are is known for it."""

        def function(a: int, *b: Any) -> date: ...

        self.assertTrue(self._hints(function).are_plain)
