"""What came of a message."""

from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase, TestCase

from pipeline.explain.trace.happening import Happening
from pipeline.explain.trace.traced import Traced
from tests.explain.trace.samples import SYSTEM, traced


class Failed(SynchronousTestCase):
    """Whether all is well."""

    def test_failed(self) -> None:
        """An error, a dead letter, something unfinished, a trouble at the end; not a drop."""
        for result, is_failed in (
            ("passed", False),
            ("dropped", False),
            ("retry", False),
            ("error", True),
            ("dead letter", True),
            ("waiting", True),
        ):
            step = Happening("settled", "desk", "sms", "inbound", result=result)
            self.assertIs(is_failed, Traced({}, {}, [step], True, 0, {}).failed, result)
        self.assertTrue(Traced({}, {}, [], False, 0, {}).failed)
        self.assertTrue(Traced({}, {}, [], True, 0, {}, troubles=["no"]).failed)


class Json(TestCase):
    """For programs."""

    async def test_json(self) -> None:
        """All of it is JSON, troubles at the end included."""
        found = await traced(text=SYSTEM.replace("Saying", "Clinging"), handle=True)
        told = json.loads(json.dumps(found.as_json()))
        self.assertFalse(told["ok"])
        self.assertEqual(1, len(told["troubles"]))
        self.assertEqual(
            ("phone", "done"), (told["steps"][-2]["worker"], told["steps"][-1]["result"])
        )
        self.assertEqual({"path", "sort", "before", "after"}, set(told["steps"][0]["changes"][0]))
