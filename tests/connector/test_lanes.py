from __future__ import annotations

from hypothesis import strategies as st
from twisted.trial.unittest import TestCase

from pipeline.connector.lanes import Lanes
from tests.properties import given


class OneAtATime(TestCase):
    """In each lane one is in front, and the rest follow in their order."""

    def test_lanes(self) -> None:
        """Lanes don't know of each other, and end with the last in them."""
        lanes: Lanes[str] = Lanes()
        entered = [lanes.enter(who[0], who) for who in ("a1", "b1", "a2", "a3")]
        self.assertEqual([True, True, False, False], entered)
        self.assertEqual([None, "a2", "a3", None], [lanes.leave(key) for key in "baaa"])
        self.assertEqual(0, len(lanes))

    @given(st.lists(st.tuples(st.integers(0, 3), st.booleans())))
    def test_order(self, steps: list[tuple[int, bool]]) -> None:
        """Whoever comes and goes, each lane starts its own in the order of their coming."""
        lanes: Lanes[int] = Lanes()
        entered: dict[int, list[int]] = {}
        started: dict[int, list[int]] = {}
        left = dict.fromkeys(range(4), 0)
        for number, (key, comes) in enumerate(steps):
            if comes:
                entered.setdefault(key, []).append(number)
                if lanes.enter(key, number):
                    started.setdefault(key, []).append(number)
            elif started.get(key) and len(started[key]) > left[key]:
                following = lanes.leave(key)
                left[key] += 1
                if following is not None:
                    started[key].append(following)
        for key, order in started.items():
            self.assertEqual(entered[key][: len(order)], order)
