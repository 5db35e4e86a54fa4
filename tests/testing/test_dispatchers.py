"""A worker with connectors on several sides in a test."""

from __future__ import annotations

from typing import Any

from pipeline.testing.cases import PipelineTestCase
from pipeline.testing.dispatchers import DispatcherHelper
from pipeline.worker import Worker


class Through(Worker):
    """Passes everything from one side to the other."""

    def setup_connectors(self) -> None:
        app, sms = self.setup_ro_connector("app"), self.setup_ri_connector("sms")
        sms.add_handler("inbound", lambda message: app.publish("inbound", message))
        app.add_handler("outbound", lambda message: sms.publish("outbound", message))


class Other(Through):
    """Another class."""


class Dispatchers(PipelineTestCase):
    """The helper for dispatchers."""

    def test_sides(self) -> None:
        """Each side is worked by a helper of its own, on the same queues."""
        helper = self.add_helper(DispatcherHelper(Through, mobile_addr="+1"))
        made: Any = helper.get_dispatcher().now()
        self.assertEqual({"app", "sms"}, set(made.connectors))
        app, sms = helper.get_connector_helper("app"), helper.get_connector_helper("sms")
        sms.make_dispatch_inbound("hi")
        [message] = app.get_dispatched_inbound()
        self.assertEqual(("+1", "sms"), (message.from_addr, message.transport_name))
        app.make_dispatch_reply(message, "ho")
        self.assertEqual("ho", sms.get_dispatched_outbound()[0].content)
        self.assertEqual("ho", helper.get_dispatched_outbound("sms")[0].content)

    def test_options(self) -> None:
        """Another class, options, and not started."""
        helper = self.add_helper(DispatcherHelper(Through))
        made = helper.get_dispatcher({"max_in_flight": 3}, Other, start=False).now()
        self.assertEqual((Other, 3, {}), (type(made), made.config.max_in_flight, made.connectors))
