from __future__ import annotations

from pipeline.dispatchers import ToAddrRouter
from tests.dispatchers.systems import DispatcherCase, said


class Routing(DispatcherCase):
    """The address that a message is for chooses the applications."""

    ROUTER = ToAddrRouter
    OPTIONS = {"toaddr_mappings": {"menu": r"\*120\*", "news": r"\*120\*2#$|8000"}}

    def test_all_that_match(self) -> None:
        """Every application whose pattern matches from the beginning gets a copy."""
        self.dispatcher()
        for address, expected in (
            ("*120*2#", ["menu.inbound", "news.inbound"]),
            ("*120*3#", ["menu.inbound"]),
            ("80001", ["news.inbound"]),
        ):
            message = said(to_addr=address)
            self.put("web.inbound", message)
            self.assertEqual(expected, self.where(message, "menu.inbound", "news.inbound"))

    def test_none(self) -> None:
        """One that no pattern matches, or without an address, is dropped."""
        self.dispatcher()
        for address in ("1*120*", None):
            message = said(to_addr=address)
            self.put("web.inbound", message)
            self.assertEqual([], self.where(message, "menu.inbound", "news.inbound"))

    def test_outbound(self) -> None:
        """Outbound messages go to the transport that they name."""
        self.dispatcher()
        self.put("menu.outbound", said("re", transport_name="sms"))
        self.assertEqual(["re"], self.contents("sms.outbound"))

    def test_events(self) -> None:
        """Events go to the application that sent the message; Vumi loses them."""
        self.dispatcher()
        message = said()
        self.put("news.outbound", message)
        self.assertEqual(["news"], self.event_about(message))
        self.assertEqual([], self.event_about(said("unknown")))

    def test_events_of_one(self) -> None:
        """With one application there is no doubt."""
        self.dispatcher(receive_outbound_connectors=["menu"], toaddr_mappings={"menu": ".*"})
        self.assertEqual(["menu"], self.event_about(said()))

    def test_wrong(self) -> None:
        """A pattern that is none, and a connector that isn't there, are refused."""
        text = """\
receive_inbound_connectors: [web]
receive_outbound_connectors: [menu]
toaddr_mappings:
  menu: "*120*"
"""
        self.assertEqual(
            [
                (
                    "switch.yaml:4:9: toaddr_mappings: not a regular expression: nothing to"
                    " repeat at position 0"
                )
            ],
            self.wrong(text),
        )
        (error,) = self.wrong(text.replace("menu:", "meun:").replace("*120*", "120"))
        self.assertIn("switch.yaml:4:3: toaddr_mappings: 'meun' is not in", error)
