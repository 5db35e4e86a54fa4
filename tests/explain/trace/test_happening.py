"""What happens is told to people and programs."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from pipeline.explain.trace.differences import Change
from pipeline.explain.trace.happening import Happening, Stored


class Json(SynchronousTestCase):
    """For programs."""

    def test_without_what_is_empty(self) -> None:
        """All that there is, and nothing else."""
        happening = Happening("settled", "desk", "sms", "inbound", result="done")
        happening.changes.append(Change("content", "changed", "a", "b"))
        happening.stored.append(Stored("set", "k"))
        told = happening.as_json()
        self.assertEqual({"op": "set", "key": "k", "at_once": False}, told["stored"][0])
        self.assertEqual(
            [{"path": "content", "sort": "changed", "before": "a", "after": "b"}], told["changes"]
        )
        self.assertFalse({"logs", "message", "detail", "where"} & set(told))
