"""Tests of pipeline.tasks.call."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import TestCase

from pipeline.tasks.call import DEEPEST, check_call, unfit
from pipeline.tasks.registry import Task


def send(to: str, *more: Any, text: str = "", **options: Any) -> None: ...


SEND: Task[Any, Any] = Task(send, name="send")


def nested(depth: int) -> Any:
    value: Any = None
    for _ in range(depth):
        value = [value]
    return value


class Fit(TestCase):
    """Arguments that don't fit are refused where they are sent."""

    def _refused(self, *args: Any, **kwargs: Any) -> str:
        return str(self.assertRaises(TypeError, check_call, SEND, args, kwargs))

    def test_fits(self) -> None:
        """What the function takes passes."""
        check_call(SEND, ["a", "b"], {"text": "hi", "urgent": True})

    def test_missing(self) -> None:
        """A missing argument is named, with what the function takes."""
        self.assertIn("send: argument 'to' is missing; it takes (to: ", self._refused())

    def test_unexpected(self) -> None:
        """An argument too many is named."""
        plain: Task[Any, Any] = Task(lambda a: a, name="plain")
        for args, kwargs in (([1], {"b": 2}), ([1, 2], {}), ([1], {"a": 1})):
            error = self.assertRaises(TypeError, check_call, plain, args, kwargs)
            self.assertIn("plain: ", str(error))

    def test_names_argument(self) -> None:
        """An argument that can't travel is named, whichever way it was given."""
        when = datetime.now(UTC)
        self.assertIn("'to' can't travel: a datetime", self._refused(when))
        self.assertIn("'more[1]' can't travel: a set", self._refused("a", 1, {2}))
        self.assertIn("'text' can't travel: a bytes", self._refused("a", text=b""))
        self.assertIn("'when' can't travel: a datetime", self._refused("a", when=when))


class Values(TestCase):
    """Only what arrives as it was sent can travel."""

    def test_unfit(self) -> None:
        """What JSON would lose, change or refuse is refused, deep inside too."""
        for value in (float("nan"), float("inf"), {1: 2}, [{"a": {1, 2}}], object(), "\ud800"):
            self.assertIsNotNone(unfit(value), repr(value))

    def test_depth(self) -> None:
        """What is nested without reason is refused before anything overflows."""
        self.assertIsNone(unfit(nested(DEEPEST)))
        self.assertIn("nested", str(unfit(nested(DEEPEST + 2))))
        endless: list[Any] = []
        endless.append(endless)
        self.assertIn("nested", str(unfit(endless)))

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        )
    )
    def test_arrives(self, value: Any) -> None:
        """What may travel arrives as it was."""
        if unfit(value) is None:
            self.assertEqual(value, msgspec.json.decode(msgspec.json.encode(value)))
