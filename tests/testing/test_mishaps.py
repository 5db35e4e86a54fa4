"""What goes wrong in a worker of a place is kept."""

from __future__ import annotations

from typing import Any

from pipeline.errors import Drop, RetryLater
from pipeline.testing.cases import PipelineTestCase
from pipeline.testing.workers import WorkerHelper
from tests.testing.echo import Echo


class Kept(PipelineTestCase):
    """What is a mishap, and what is none."""

    def setUp(self) -> None:
        self.helper = self.add_helper(WorkerHelper("sms"))
        self.mishaps = self.helper.place.mishaps

    def test_each_attempt(self) -> None:
        """Every failed attempt, with its queue, number, error and message."""
        self.helper.get_worker(Echo, {"retry": {"attempts": 2}})
        message = self.helper.make_dispatch_inbound("bad").now()
        self.helper.advance(1)
        self.assertEqual(
            [("sms.inbound", 1, message.message_id), ("sms.inbound", 2, message.message_id)],
            [(each.queue, each.attempt, each.message.message_id) for each in self.mishaps.raised],
        )
        self.assertEqual(2, len(self.flushLoggedErrors(ValueError)))

    def test_in_order(self) -> None:
        """Also where a message that is tried again stays in hand, because of its order."""
        self.helper.get_worker(Echo, {"ordering": "process", "retry": {"attempts": 2}})
        self.helper.make_dispatch_inbound("bad")
        self.helper.advance(1)
        self.assertEqual([1, 2], [each.attempt for each in self.mishaps.raised])
        self.helper.flush_errors(ValueError)

    def test_undecodable(self) -> None:
        """What can't be decoded is one, without a message."""
        self.helper.get_worker(Echo)
        self.helper.dispatch_raw("sms.inbound", b"nonsense")
        [mishap] = self.mishaps.raised
        self.assertEqual((1, None), (mishap.attempt, mishap.message))
        self.helper.flush_errors()

    def test_no_mishap(self) -> None:
        """What is dropped, or put off, has not failed."""

        class Deciding(Echo):
            def consume_user_message(self, message: Any) -> Any:
                raise Drop("no") if message.content == "drop" else RetryLater(1)

        self.helper.get_worker(Deciding)
        self.helper.make_dispatch_inbound("drop")
        self.helper.make_dispatch_inbound("later")
        self.assertEqual([], self.helper.errors)

    def test_flush_by_type(self) -> None:
        """Only what is of the given classes is forgotten."""
        self.helper.get_worker(Echo)
        self.helper.make_dispatch_inbound("bad")
        self.assertEqual([], self.helper.flush_errors(KeyError))
        self.assertRaises(AssertionError, self.helper.check)
        self.assertEqual(1, len(self.helper.flush_errors(KeyError, ValueError)))
        self.helper.check()

    def test_forget(self) -> None:
        """What is of messages with these ids is forgotten."""
        self.helper.get_worker(Echo)
        first = self.helper.make_dispatch_inbound("bad").now()
        second = self.helper.make_dispatch_inbound("bad").now()
        self.mishaps.forget({first.message_id})
        self.assertEqual([second], [each.message for each in self.mishaps.raised])
        self.mishaps.forget({second.message_id})

    def test_others(self) -> None:
        """Workers of another place are none of ours."""
        other = self.add_helper(WorkerHelper("sms"))
        other.get_worker(Echo)
        other.make_dispatch_inbound("bad")
        self.assertEqual((0, 1), (len(self.helper.errors), len(other.errors)))
        other.flush_errors()

    def test_many(self) -> None:
        """Many errors are not all shown in full."""
        self.helper.get_worker(Echo)
        self.helper.make_dispatch_inbound("bad")
        self.helper.advance(3600 * 20)
        text = str(self.assertRaises(AssertionError, self.helper.check))
        self.assertTrue(text.startswith("10 error(s)"))
        self.assertTrue(text.endswith("\n\n..."))
        self.assertEqual(3, text.count("Traceback"))
        self.helper.flush_errors()
