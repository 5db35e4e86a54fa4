"""A transport in a test."""

from __future__ import annotations

from pipeline.errors import PermanentFailure
from pipeline.message import UserMessage
from pipeline.testing.cases import PipelineTestCase
from pipeline.testing.transports import TransportHelper
from tests.testing.echo import Phone


class Broken(Phone):
    """Sends nothing."""

    async def handle_outbound_message(self, message: UserMessage) -> None:
        raise PermanentFailure("no line")


class Transports(PipelineTestCase):
    """The helper for transports."""

    def setUp(self) -> None:
        self.helper = self.add_helper(TransportHelper(Phone))

    def test_transport(self) -> None:
        """It has the helper's class and name, unless others are given."""
        phone = self.helper.get_transport().now()
        self.assertEqual((Phone, "sms"), (type(phone), phone.transport_name))
        other = self.helper.get_transport({"transport_name": "ussd"}, Broken, start=False).now()
        self.assertEqual((Broken, "ussd"), (type(other), other.transport_name))
        message = self.helper.make_dispatch_outbound("hi").now()
        [event] = self.helper.get_dispatched_events()
        self.assertEqual((message.message_id, "ack"), (event.user_message_id, event.event_type))

    def test_failures_and_statuses(self) -> None:
        """What it publishes of itself is seen, too."""
        options = {"publish_failures": True, "publish_status": True}
        broken = self.helper.get_transport(options, Broken).now()
        self.helper.make_dispatch_outbound("hi")
        [failure] = self.helper.get_dispatched_failures()
        self.assertEqual(("hi", "permanent"), (failure.message["content"], failure.failure_code))
        self.helper.flush_errors(PermanentFailure)
        broken.publish_status(component="line", status="down", type="cut", message="cut")
        self.assertEqual("down", self.helper.get_dispatched_statuses()[0].status)
