"""Tests of pipeline.tasks.call."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import msgspec
from twisted.trial.unittest import TestCase

from pipeline.tasks.call import packed, unpacked
from pipeline.tasks.registry import Task


def send(to: str, *more: Any, text: str = "", **options: Any) -> None: ...


SEND: Task[Any, Any] = Task(send, name="send")


class Fit(TestCase):
    """Arguments that don't fit are refused where they are sent."""

    def _refused(self, *args: Any, **kwargs: Any) -> str:
        return str(self.assertRaises(TypeError, packed, SEND, args, kwargs))

    def test_fits(self) -> None:
        """What the function takes passes."""
        args, kwargs = ["a", "b"], {"text": "hi", "urgent": True}
        self.assertEqual((args, kwargs), packed(SEND, args, kwargs))

    def test_missing(self) -> None:
        """A missing argument is named, with what the function takes."""
        self.assertIn("send: argument 'to' is missing; it takes (to: ", self._refused())

    def test_unexpected(self) -> None:
        """An argument too many is named."""
        plain: Task[Any, Any] = Task(lambda a: a, name="plain")
        for args, kwargs in (([1], {"b": 2}), ([1, 2], {}), ([1], {"a": 1})):
            error = self.assertRaises(TypeError, packed, plain, args, kwargs)
            self.assertIn("plain: ", str(error))

    def test_as_the_signature(self) -> None:
        """How many arguments fit is what the function's signature says."""
        for function in (
            lambda: 0,
            lambda a, b=1: 0,
            lambda a, /, b, c=1, d=2: 0,
            lambda a, *more: 0,
            lambda a, *, b: 0,
            lambda a=1, **more: 0,
        ):
            each: Task[Any, Any] = Task(function, name="each")
            for count in range(6):
                args = [0] * count
                try:
                    each.signature.bind(*args)
                except TypeError:
                    self.assertRaises(TypeError, packed, each, args, {})
                else:
                    self.assertEqual((args, {}), packed(each, args, {}))

    def test_kinds(self) -> None:
        """A text is no list of arguments, though it could be taken apart like one."""
        plain: Task[Any, Any] = Task(lambda a, b: a, name="plain")
        for args in ("12", b"12", {1: 2}, 3):
            error = self.assertRaises(TypeError, packed, plain, args, {})
            self.assertIn("plain: args must be a list or a tuple", str(error))
        error = self.assertRaises(TypeError, packed, plain, [1, 2], [])
        self.assertIn("plain: kwargs must be a mapping, got []", str(error))

    def test_names_argument(self) -> None:
        """An argument that can't travel is named, whichever way it was given."""
        when = datetime.now(UTC)
        self.assertIn("'to' can't travel: a datetime", self._refused(when))
        self.assertIn("'more[1]' can't travel: a set", self._refused("a", 1, {2}))
        self.assertIn("'text' can't travel: a bytes", self._refused("a", text=b""))
        self.assertIn("'when' can't travel: a datetime", self._refused("a", when=when))

    def test_hints(self) -> None:
        """What hints tell of is packed, each argument by its own, and arrives as it was sent."""

        def book(day: date, *more: date, note: str = "", **others: UUID) -> None: ...

        task: Task[Any, Any] = Task(book, name="book")
        args = [date(2026, 1, 2), date(2026, 1, 3), date(2026, 1, 4)]
        kwargs = {"note": "n", "x": UUID(int=7)}
        away = packed(task, args, kwargs)
        self.assertEqual(["2026-01-02", "2026-01-03", "2026-01-04"], away[0])
        self.assertEqual(
            (args, kwargs), unpacked(task, *msgspec.json.decode(msgspec.json.encode(away)))
        )
        error = self.assertRaises(TypeError, packed, task, [1], {})
        self.assertIn("book: argument 'day' can't travel", str(error))
        error = self.assertRaises(TypeError, unpacked, task, ["soon"], {})
        self.assertIn("argument 1 is not what its type hint says", str(error))
