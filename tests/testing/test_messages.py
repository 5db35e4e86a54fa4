"""Messages of every kind are made with what a test gives, and sensible values for the rest."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from pipeline.errors import InvalidMessageField
from pipeline.testing.messages import MessageHelper
from tests.tasks import jobs


class Making(TestCase):
    """Each method of the helper."""

    def setUp(self) -> None:
        self.helper = MessageHelper(transport_name="vodka", mobile_addr="+1", transport_addr="2")

    def test_user_messages(self) -> None:
        """Inbound ones are from the user's address to the transport's, outbound ones back."""
        inbound, outbound = self.helper.make_inbound("hi"), self.helper.make_outbound("ho")
        self.assertEqual(("+1", "2", "hi"), (inbound.from_addr, inbound.to_addr, inbound.content))
        self.assertEqual(("2", "+1"), (outbound.from_addr, outbound.to_addr))
        self.assertEqual(("vodka", "sms"), (inbound.transport_name, inbound.transport_type))
        anybody = self.helper.make_user_message("x", "a", None, group="g")
        self.assertEqual(("a", None, "g"), (anybody.from_addr, anybody.to_addr, anybody.group))

    def test_given(self) -> None:
        """What is given goes before, None included; other names go to ``extra``."""
        message = self.helper.make_inbound(
            None, from_addr=None, session_event="new", endpoint="side", colour="red"
        )
        self.assertEqual((None, None), (message.content, message.from_addr))
        self.assertEqual(("new", "side"), (message.session_event, message.get_routing_endpoint()))
        self.assertEqual({"colour": "red"}, message.extra)

    def test_reply(self) -> None:
        """A reply answers."""
        message = self.helper.make_inbound()
        reply = self.helper.make_reply(message, "bye", continue_session=False)
        self.assertEqual(
            (message.message_id, "close", "+1"),
            (reply.in_reply_to, reply.session_event, reply.to_addr),
        )

    def test_events(self) -> None:
        """Events are about the message that is given, or about one that nobody knows."""
        message = self.helper.make_outbound()
        ack = self.helper.make_ack(message)
        self.assertEqual([message.message_id] * 2, [ack.user_message_id, ack.sent_message_id])
        nack = self.helper.make_nack(message, nack_reason="rain", endpoint="side")
        self.assertEqual(
            ("nack", "rain", "side"), (nack.status(), nack.nack_reason, nack.get_routing_endpoint())
        )
        report = self.helper.make_delivery_report(delivery_status="failed")
        self.assertEqual(
            ("delivery_report.failed", "vodka"), (report.status(), report.transport_name)
        )
        self.assertEqual("delivery_report.delivered", self.helper.make_delivery_report().status())

    def test_reports(self) -> None:
        """Statuses and failures need nothing to be given."""
        self.assertEqual("down", self.helper.make_status("down").status)
        self.assertEqual("line", self.helper.make_status(component="line").component)
        message = self.helper.make_outbound("lost")
        failure = self.helper.make_failure(message, "temporary")
        self.assertEqual(("lost", "temporary"), (failure.message["content"], failure.failure_code))
        self.assertTrue(self.helper.make_failure().reason)

    def test_tasks(self) -> None:
        """A call of a task, or of a name, and its answer."""
        call = self.helper.make_task(jobs.add, 1, kwargs={"b": 2}, reply_to="work.outbound")
        self.assertEqual((jobs.add.name, [1], {"b": 2}), (call.task, call.args, call.kwargs))
        self.assertEqual("a.b", self.helper.make_task("a.b").task)
        answer = self.helper.make_result(call, 3)
        self.assertEqual((3, call.message_id), (answer.value, answer.in_reply_to))

    def test_wrong(self) -> None:
        """What no message may have is refused, as everywhere."""
        with self.assertRaises(InvalidMessageField):
            self.helper.make_inbound(session_event="old")
