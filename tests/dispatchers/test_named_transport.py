from __future__ import annotations

from pipeline.dispatchers import SimpleDispatchRouter
from tests.dispatchers.systems import DispatcherCase, said


class Routing(DispatcherCase):
    """Outbound messages go to the transport that they name."""

    ROUTER = SimpleDispatchRouter
    OPTIONS = {"route_mappings": {"web": "menu", "sms": "menu"}}

    def test_named(self) -> None:
        """The connector of the transport's name."""
        self.dispatcher()
        self.put("menu.outbound", said(transport_name="sms"), said(transport_name="web"))
        self.assertEqual(["hi"], self.contents("sms.outbound"))
        self.assertEqual(["hi"], self.contents("web.outbound"))

    def test_mapped(self) -> None:
        """Or the one that the name is mapped to."""
        self.dispatcher(transport_mappings={"sms": "web", "ussd": "sms"})
        self.put("menu.outbound", said("a", transport_name="sms"))
        self.put("menu.outbound", said("b", transport_name="ussd"))
        self.assertEqual(["a"], self.contents("web.outbound"))
        self.assertEqual(["b"], self.contents("sms.outbound"))

    def test_unknown(self) -> None:
        """A message for a transport that isn't here makes a nack."""
        self.dispatcher()
        message = said(transport_name="carrier pigeon")
        self.put("menu.outbound", message)
        (nack,) = self.messages("menu.event")
        self.assertEqual(message.message_id, nack.user_message_id)
