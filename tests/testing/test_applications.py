"""An application in a test."""

from __future__ import annotations

from pipeline.testing.applications import ApplicationHelper
from pipeline.testing.cases import PipelineTestCase
from tests.testing.echo import Echo


class Louder(Echo):
    """Another class."""


class Applications(PipelineTestCase):
    """The helper for applications."""

    def test_application(self) -> None:
        """It has the helper's class and transport, unless others are given."""
        helper = self.add_helper(ApplicationHelper(Echo, transport_name="ussd"))
        app = helper.get_application().now()
        self.assertEqual((Echo, "ussd"), (type(app), app.transport_name))
        other = helper.get_application({"transport_name": "sms"}, Louder, start=False).now()
        self.assertEqual((Louder, "sms", {}), (type(other), other.transport_name, other.connectors))
        helper.make_dispatch_inbound("hi")
        self.assertEqual("re: hi", helper.get_dispatched_outbound()[0].content)
