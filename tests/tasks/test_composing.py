"""Tests of pipeline.tasks.composing."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from pipeline.tasks.admission import EXPIRES
from pipeline.tasks.composing import apply, call_of, limit_wait
from pipeline.tasks.options import OVERRIDES, SendOptions
from tests.tasks import jobs


class Composing(SynchronousTestCase):
    def test_call(self) -> None:
        """A call names its task, and who waits for it, if anybody does."""
        message = call_of(jobs.add, [1], {"b": 2}, "me")
        self.assertEqual(
            (jobs.add.name, [1], {"b": 2}), (message.task, message.args, message.kwargs)
        )
        self.assertEqual(
            ("me", "me"), (message.reply_to, message.transport_metadata["reply_instance"])
        )
        message = call_of(jobs.add, [1], {}, None)
        self.assertEqual((None, {}), (message.reply_to, message.transport_metadata))

    def test_options(self) -> None:
        """A key is its address; other options travel beside what is there."""
        message = call_of(jobs.add, [1], {}, None)
        message.helper_metadata["mine"] = 1
        apply(SendOptions(key="k", retries=2), message)
        self.assertEqual("k", message.from_addr)
        self.assertEqual({"mine": 1, OVERRIDES: {"retries": 2}}, message.helper_metadata)

    def test_ttl(self) -> None:
        """It expires so long after it is due, if ever."""
        message = call_of(jobs.add, [1], {}, None)
        limit_wait(message, None, 100)
        self.assertNotIn(EXPIRES, message.extra)
        limit_wait(message, 5, 100)
        self.assertEqual(105, message.extra[EXPIRES])
