from __future__ import annotations

from pipeline.dispatchers import FromAddrMultiplexRouter
from tests.dispatchers.systems import DispatcherCase, acked, said


class Routing(DispatcherCase):
    """Several transports look like one."""

    ROUTER = FromAddrMultiplexRouter
    OPTIONS = {
        "receive_outbound_connectors": ["menu"],
        "fromaddr_mappings": {"ada@talk": "web", "bob@talk": "sms"},
    }

    def test_inbound(self) -> None:
        """What comes from any of them bears the name of the one."""
        self.dispatcher()
        self.put("web.inbound", said("a"))
        self.put("sms.inbound", said("b", transport_name="sms"))
        found = [(m.content, m.transport_name) for m in self.messages("menu.inbound")]
        self.assertEqual([("a", "menu"), ("b", "menu")], found)

    def test_events(self) -> None:
        """So do events."""
        self.dispatcher()
        self.put("web.event", acked(said(), transport_name="web"))
        (event,) = self.messages("menu.event")
        self.assertEqual("menu", event.transport_name)

    def test_outbound(self) -> None:
        """The address that a message is from chooses, and the name is that of the transport."""
        self.dispatcher()
        self.put("menu.outbound", said("a", from_addr="bob@talk", transport_name="menu"))
        (message,) = self.messages("sms.outbound")
        self.assertEqual("sms", message.transport_name)

    def test_unknown(self) -> None:
        """A message from another address makes a nack. (In Vumi it is an error.)"""
        self.dispatcher()
        self.put("menu.outbound", said("a", from_addr="eve@talk"), said("b", from_addr=None))
        nacks = self.messages("menu.event")
        self.assertEqual(["nack", "nack"], [nack.event_type for nack in nacks])

    def test_who_waits(self) -> None:
        """A reply finds the process that waits, though the transport was renamed meanwhile."""
        self.dispatcher()
        asked = said("a", to_addr="ada@talk", transport_metadata={"reply_instance": "one"})
        self.put("web.inbound", asked)
        (renamed,) = self.messages("menu.inbound")
        self.put("menu.outbound", renamed.reply("b"))
        self.assertEqual(["b"], self.contents("web.outbound@one"))

    def test_single(self) -> None:
        """There is one connector on the side of the applications."""
        text = (
            "receive_inbound_connectors: [web]\nreceive_outbound_connectors: [menu, news]\n"
            "fromaddr_mappings: {a: web}\n"
        )
        self.assertEqual(
            ["switch.yaml:2:1: receive_outbound_connectors: expected one connector, got 2"],
            self.wrong(text),
        )

    def test_wrong(self) -> None:
        """An address that is mapped to what is no transport is refused."""
        text = (
            "receive_inbound_connectors: [web]\nreceive_outbound_connectors: [menu]\n"
            "fromaddr_mappings: {a: menu}\n"
        )
        (error,) = self.wrong(text)
        self.assertIn("switch.yaml:3:24: fromaddr_mappings: a: 'menu' is not in", error)
