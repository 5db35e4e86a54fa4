"""Tests of pipeline.tasks.options."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipeline.message import TaskMessage
from pipeline.tasks.options import OVERRIDES, Overrides, SendOptions, known_overrides, overrides_of


class Options(SynchronousTestCase):
    """How one call is sent."""

    def test_delay(self) -> None:
        """A delay is in seconds or a timedelta, a time is aware and may be over."""
        self.assertEqual(0, SendOptions().delay_from(7))
        self.assertEqual(2.5, SendOptions(delay=2.5).delay_from(7))
        self.assertEqual(60, SendOptions(delay=timedelta(minutes=1)).delay_from(7))
        at = datetime.fromtimestamp(100, UTC)
        self.assertEqual([90, 0], [SendOptions(at=at).delay_from(now) for now in (10, 200)])

    def test_wrong(self) -> None:
        """What makes no sense is refused, by name."""
        now = datetime.now(UTC)
        wrong: list[tuple[dict[str, Any], type[Exception], str]] = [
            ({"delay": -1}, ValueError, "delay must be 0 or more"),
            ({"delay": float("nan")}, ValueError, "delay"),
            ({"delay": "1"}, TypeError, "delay must be seconds"),
            ({"at": now.replace(tzinfo=None)}, ValueError, "aware"),
            ({"at": 7}, TypeError, "at must be a datetime"),
            ({"at": now, "delay": 1}, ValueError, "not both"),
            ({"key": ""}, TypeError, "key must be text"),
            ({"retries": 1.5}, TypeError, "retries must be a whole number"),
            ({"timeout": True}, TypeError, "timeout"),
            ({"keep_result": -1}, ValueError, "keep_result"),
        ]
        for given, kind, text in wrong:
            self.assertIn(text, str(self.assertRaises(kind, SendOptions, **given)))
        far = SendOptions(at=datetime(2999, 1, 1, tzinfo=UTC))
        self.assertIn("ten years", str(self.assertRaises(ValueError, far.delay_from, 0)))

    def test_said(self) -> None:
        """Options can be said elsewhere: from a process, its worker is told of them."""
        at = datetime.fromtimestamp(100, UTC)
        for options in (SendOptions(at=at, key="k", retries=1), SendOptions(delay=5)):
            again = SendOptions(**options.said())
            self.assertEqual(options.delay_from(7), again.delay_from(7))
            self.assertEqual((options.key, options.overrides), (again.key, again.overrides))

    def test_overrides(self) -> None:
        """A call's own options travel with it; what is none of them is told of."""
        given = SendOptions(retries=2, timeout=None, keep_result=5).overrides
        self.assertEqual({"retries": 2, "keep_result": 5.0}, given)
        message = TaskMessage(task="t", helper_metadata={OVERRIDES: given})
        self.assertEqual(Overrides(retries=2, keep_result=5), overrides_of(message))
        forged = TaskMessage(task="t", helper_metadata={OVERRIDES: {"retries": "many"}})
        self.assertRaises(ValueError, overrides_of, forged)
        self.assertEqual(Overrides(), known_overrides(forged))
