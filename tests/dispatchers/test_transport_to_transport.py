from __future__ import annotations

from pipeline.dispatchers import TransportToTransportRouter
from tests.dispatchers.systems import DispatcherCase, acked, said


class Routing(DispatcherCase):
    """What comes in through one transport goes out through others."""

    ROUTER = TransportToTransportRouter
    OPTIONS = {
        "receive_inbound_connectors": ["web", "sms", "log"],
        "receive_outbound_connectors": [],
        "route_mappings": {"web": ["sms", "log"], "sms": ["web"], "log": []},
    }

    def test_routed(self) -> None:
        """It is an outbound message there, a copy for each."""
        self.dispatcher()
        message = said("pass it on")
        self.put("web.inbound", message)
        found = self.where(message, "sms.outbound", "log.outbound", "web.outbound")
        self.assertEqual(["sms.outbound", "log.outbound"], found)

    def test_not_for_who_waits(self) -> None:
        """It goes to any process of the other transport, not to the one that waits at the first."""
        self.dispatcher()
        self.put("web.inbound", said("hi", transport_metadata={"reply_instance": "one"}))
        self.assertEqual(["hi"], self.contents("sms.outbound"))

    def test_events(self) -> None:
        """Events are read and dropped; they don't pile up, and are no dead letters."""
        self.dispatcher()
        self.put("sms.event", acked(said()))
        self.assertEqual((0, 0, 0, 0), tuple(self.depth("sms.event")))

    def test_applications(self) -> None:
        """Connectors of applications are refused, and routes to what is no transport."""
        text = "receive_inbound_connectors: [web]\nroute_mappings: {web: [smss]}\n"
        (error,) = self.wrong(text)
        self.assertIn("route_mappings: web: 'smss' is not in receive_inbound", error)
        text = (
            "receive_inbound_connectors: [web]\nreceive_outbound_connectors: [menu]\n"
            "route_mappings: {web: []}\n"
        )
        (error,) = self.wrong(text)
        self.assertIn("switch.yaml:2:1: receive_outbound_connectors: between transports", error)
