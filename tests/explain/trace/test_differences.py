"""What is different between two states of a message."""

from __future__ import annotations

from datetime import UTC, datetime

from twisted.trial.unittest import SynchronousTestCase

from pipeline.explain.trace.differences import DEEPEST, Change, differences, plain
from pipeline.message import UserMessage


class Differences(SynchronousTestCase):
    """Fields that came, went, or became another value."""

    def test_sorts(self) -> None:
        """Each has its path, also within mappings; what is the same is left out."""
        before = {"a": 1, "b": {"c": 1, "d": {"e": 1}}, "f": [1]}
        after = {"b": {"c": 2, "d": {"e": 1, "g.h": 3}}, "f": [1, 2], "i": None}
        self.assertEqual(
            [
                Change("a", "removed", 1, None),
                Change("b.c", "changed", 1, 2),
                Change("b.d.g.h", "added", None, 3),
                Change("f", "changed", [1], [1, 2]),
                Change("i", "added", None, None),
            ],
            differences(before, after),
        )

    def test_types(self) -> None:
        """True is not 1, and a mapping that becomes a text is one change."""
        self.assertEqual([Change("a", "changed", 1, True)], differences({"a": 1}, {"a": True}))
        changed = [Change("a", "changed", {"b": 1}, "x")]
        self.assertEqual(changed, differences({"a": {"b": 1}}, {"a": "x"}))
        self.assertEqual([Change(".", "changed", "m", "n")], differences("m", "n"))

    def test_deep(self) -> None:
        """What is nested too deeply is one change."""
        before: object = 1
        after: object = 2
        for _ in range(DEEPEST + 5):
            before, after = {"x": before}, {"x": after}
        [change] = differences(before, after)
        self.assertEqual(DEEPEST, len(change.path.split(".")))


class Plain(SynchronousTestCase):
    """A state is a copy."""

    def test_of_a_message(self) -> None:
        """It stays as it is when the message changes; what JSON has no value for is a text."""
        when = datetime(2026, 1, 2, tzinfo=UTC)
        message = UserMessage(
            to_addr="1",
            from_addr="2",
            transport_name="sms",
            transport_type="sms",
            timestamp=when,
            helper_metadata={"seen": {"b", "a"}, "raw": b"x", "tag": ("p", "t")},
        )
        state = plain(message)
        message.helper_metadata["more"] = 1
        self.assertEqual(
            {"seen": ["a", "b"], "raw": "b'x'", "tag": ["p", "t"]}, state["helper_metadata"]
        )
        self.assertEqual("2026-01-02T00:00:00+00:00", state["timestamp"])
