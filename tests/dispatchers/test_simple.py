from __future__ import annotations

from pipeline.dispatchers import SimpleDispatchRouter
from tests.dispatchers.systems import DispatcherCase, said


class Routing(DispatcherCase):
    """The transport chooses the applications."""

    ROUTER = SimpleDispatchRouter
    OPTIONS = {"route_mappings": {"web": ["menu", "news"], "sms": "news"}}

    def test_inbound(self) -> None:
        """Each application of the transport gets a copy, with the id that replies name."""
        self.dispatcher()
        both, one = said("both"), said("one")
        self.put("web.inbound", both)
        self.put("sms.inbound", one)
        (menu,) = self.messages("menu.inbound")
        news = self.messages("news.inbound")
        self.assertEqual((both.message_id, "both"), (menu.message_id, menu.content))
        self.assertEqual([both.message_id, one.message_id], [m.message_id for m in news])

    def test_copies(self) -> None:
        """A change that middleware makes on the way to one application isn't seen by another."""
        self.dispatcher(middleware=[{"m": "tests.dispatchers.test_base.Marking"}])
        self.put("web.inbound", said())
        marks = [self.messages(f"{name}.inbound")[0].helper_metadata for name in ("menu", "news")]
        self.assertEqual([{"seen": ["web", "menu"]}, {"seen": ["web", "news"]}], marks)

    def test_events(self) -> None:
        """An event goes to the application that sent the message; if that isn't known, to all."""
        self.dispatcher()
        message = said("news!")
        self.put("news.outbound", message)
        self.assertEqual(["news"], self.event_about(message))
        self.assertEqual(["menu", "news"], self.event_about(said("unknown")))

    def test_explicit(self) -> None:
        """A transport whose messages nobody wants is said to have no way."""
        self.dispatcher(route_mappings={"web": "menu", "sms": []})
        message = said()
        self.put("sms.inbound", message)
        self.assertEqual([], self.where(message, "menu.inbound", "news.inbound"))


class Configuration(DispatcherCase):
    """Wrong routes are refused where they are written."""

    ROUTER = SimpleDispatchRouter

    def test_wrong(self) -> None:
        """All of what is wrong is said."""
        text = """\
receive_inbound_connectors: [web, sms]
receive_outbound_connectors: [menu]
transport_mappings: {old: smss}
route_mappings:
  web: [menu, nwes]
  sms: menu
  webb: menu
"""
        self.assertEqual(
            [
                (
                    "switch.yaml:3:27: transport_mappings: old: 'smss' is not in"
                    " receive_inbound_connectors (did you mean 'sms'?)"
                ),
                (
                    "switch.yaml:7:3: route_mappings: 'webb' is not in receive_inbound_connectors"
                    " (did you mean 'web'?)"
                ),
                (
                    "switch.yaml:5:15: route_mappings: web: 'nwes' is not in"
                    " receive_outbound_connectors (known: menu)"
                ),
            ],
            self.wrong(text),
        )

    def test_missing(self) -> None:
        """A transport that is read must have a route, if an empty one."""
        (error,) = self.wrong(
            "receive_inbound_connectors: [web, sms]\nreceive_outbound_connectors: [menu]\n"
            "route_mappings: {web: menu}\n"
        )
        self.assertIn("switch.yaml:3:1: route_mappings: there is no way for what comes", error)
        self.assertIn("'sms'", error)
