"""Tests of pipeline.tasks.fitting."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import strategies as st
from twisted.trial.unittest import TestCase

from pipeline.tasks.fitting import DEEPEST, unfit
from tests.properties import given


def nested(depth: int) -> Any:
    value: Any = None
    for _ in range(depth):
        value = [value]
    return value


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
