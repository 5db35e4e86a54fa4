from __future__ import annotations

from typing import Any

from pipeline.dispatchers import RoutingTableDispatcher
from tests.dispatchers.systems import DispatcherCase, acked, said

TABLE = {
    "web": {"default": ["menu", "default"], "chat": ["news", "from_web"]},
    "sms": {"default": ["menu", "sms"]},
    "menu": {"default": ["web", "default"], "sms": ["sms", "default"]},
    "news": {"default": ["web", "chat"]},
}


class Routing(DispatcherCase):
    """Connector and endpoint choose connector and endpoint."""

    ROUTER = RoutingTableDispatcher
    OPTIONS = {"routing_table": TABLE}

    def on(self, endpoint: str | None, message: Any) -> Any:
        message.set_routing_endpoint(endpoint)
        return message

    def test_inbound(self) -> None:
        """An inbound message goes to the endpoint that the table names."""
        self.dispatcher()
        self.put("web.inbound", said("a"), self.on("chat", said("b")))
        self.put("sms.inbound", said("c"))
        menu = [(m.content, m.get_routing_endpoint()) for m in self.messages("menu.inbound")]
        news = [(m.content, m.get_routing_endpoint()) for m in self.messages("news.inbound")]
        self.assertEqual([("a", "default"), ("c", "sms")], menu)
        self.assertEqual([("b", "from_web")], news)

    def test_outbound(self) -> None:
        """So does an outbound one, the other way."""
        self.dispatcher()
        self.put("menu.outbound", self.on("sms", said("a")), said("b"))
        self.put("news.outbound", said("c"))
        self.assertEqual(["a"], self.contents("sms.outbound"))
        found = [(m.content, m.get_routing_endpoint()) for m in self.messages("web.outbound")]
        self.assertEqual([("b", "default"), ("c", "chat")], found)

    def test_events(self) -> None:
        """An event goes back to the connector and the endpoint that its message came from, where
        the table would send it elsewhere."""
        self.dispatcher()
        message = self.on("sms", said("a"))
        self.put("menu.outbound", message)
        self.assertEqual(["menu"], self.event_about(message, "web"))
        other = said("b")
        self.put("news.outbound", other)
        self.assertEqual(["news"], self.event_about(other, "web"))

    def test_event_endpoint(self) -> None:
        """The endpoint is the one that the application sent its message on."""
        self.dispatcher()
        message = self.on("sms", said("a"))
        self.put("menu.outbound", message)
        self.put("sms.event", acked(message))
        (event,) = self.messages("menu.event")
        self.assertEqual("sms", event.get_routing_endpoint())

    def test_event_by_table(self) -> None:
        """An event that nobody remembers goes by the table."""
        self.dispatcher()
        self.assertEqual(["menu"], self.event_about(said(), "sms"))

    def test_one_way(self) -> None:
        """With a single way out nothing is remembered, and events go by the table."""
        table = {"web": {"default": ["menu", "d"]}, "menu": {"d": ["web", "default"]}}
        made = self.dispatcher(
            receive_inbound_connectors=["web"],
            receive_outbound_connectors=["menu"],
            routing_table=table,
        )
        self.assertFalse(made.remembers)
        message = self.on("d", said("a"))
        self.put("menu.outbound", message)
        self.assertEqual(["menu"], self.event_about(message))

    def test_no_route(self) -> None:
        """What the table has no way for is dropped, and an outbound message makes a nack."""
        self.dispatcher()
        lost, unsent = self.on("strange", said("a")), self.on("strange", said("b"))
        self.put("web.inbound", lost)
        self.put("menu.outbound", unsent)
        self.assertEqual([], self.where(lost, "menu.inbound", "news.inbound"))
        (nack,) = self.messages("menu.event")
        self.assertEqual(("nack", unsent.message_id), (nack.event_type, nack.user_message_id))
        self.assertIn("endpoint 'strange'", nack.nack_reason)
        self.assertEqual([], self.dead("web.inbound") + self.dead("menu.outbound"))


class Configuration(DispatcherCase):
    """A table that can't work is refused where it is written."""

    ROUTER = RoutingTableDispatcher

    def test_wrong(self) -> None:
        """A connector that isn't there, or on the wrong side, or forgotten; each by itself."""
        head = (
            "receive_inbound_connectors: [web]\nreceive_outbound_connectors: [menu]\nrouting_table:"
        )
        menu = "\n  menu: {default: [web, default]}"
        for table, expected in (
            (
                "\n  web: {default: [mneu, default]}" + menu,
                (
                    "switch.yaml:4:19: routing_table.web.default: 'mneu' is not in"
                    " receive_outbound_connectors (did you mean 'menu'?)"
                ),
            ),
            (
                "\n  web: {default: [web, default]}" + menu,
                (
                    "switch.yaml:4:19: routing_table.web.default: 'web' is not in"
                    " receive_outbound_connectors (known: menu)"
                ),
            ),
            (
                "\n  web: {}" + menu + "\n  wbe: {}",
                "switch.yaml:6:3: routing_table: there is no connector 'wbe'",
            ),
            (
                menu,
                (
                    "switch.yaml:3:1: routing_table: there is no way for what comes from 'web',"
                    " which is read"
                ),
            ),
            (
                "\n  web: {default: menu}" + menu,
                (
                    "switch.yaml:4:18: routing_table: expected a list of names, got 'menu'"
                    " (as [one, two])"
                ),
            ),
            (
                "\n  web: {default: [menu]}" + menu,
                "switch.yaml:4:9: routing_table: expected [connector, endpoint], got 1 names",
            ),
        ):
            self.assertEqual([expected], self.wrong(head + table))
