from __future__ import annotations

from typing import Any

from pipeline.dispatchers import ContentKeywordRouter
from tests.dispatchers.systems import DispatcherCase, said


class Routing(DispatcherCase):
    """The first word chooses."""

    ROUTER = ContentKeywordRouter
    OPTIONS = {
        "rules": [
            {"app": "menu", "keyword": "Order", "to_addr": "8000"},
            {"app": "menu", "keyword": "vip", "prefix": "+41"},
        ],
        "keyword_mappings": {"news": "order"},
    }

    def where_goes(self, content: str | None, **fields: Any) -> list[str]:
        message = said(content, **fields)
        self.put("web.inbound", message)
        return [each[:4] for each in self.where(message, "menu.inbound", "news.inbound")]

    def test_rules(self) -> None:
        """All rules count whose keyword, address and prefix fit; the case doesn't matter."""
        self.dispatcher()
        self.assertEqual(["menu", "news"], self.where_goes("ORDER tea", to_addr="8000"))
        self.assertEqual(["news"], self.where_goes(" order", to_addr="9"))
        self.assertEqual(["menu"], self.where_goes("VIP", from_addr="+4179"))
        self.assertEqual([], self.where_goes("vip", from_addr="+27"))

    def test_fallback(self) -> None:
        """What fits no rule goes to the fallback, if there is one."""
        made = self.dispatcher()
        for content in ("hello", "", None, "   ", "orders"):
            self.assertEqual([], self.where_goes(content))
        self.halt(made)
        self.dispatcher(fallback_application="news")
        for content in ("hello", "", None, "orders"):
            self.assertEqual(["news"], self.where_goes(content))
        self.assertEqual(["menu"], self.where_goes("vip", from_addr="+4179"))

    def test_outbound(self) -> None:
        """By the address that it is from, else by the transport that it names."""
        self.dispatcher(transport_mappings={"8000": "sms"})
        self.put("menu.outbound", said("a", from_addr="8000"), said("b", from_addr="1"))
        self.assertEqual(["a"], self.contents("sms.outbound"))
        self.assertEqual(["b"], self.contents("web.outbound"))

    def test_events(self) -> None:
        """Events go to the application that sent the message, for as long as it is remembered."""
        self.dispatcher(expire_routing_memory=3600)
        message = said()
        self.put("news.outbound", message)
        self.clock.advance(3500)
        self.assertEqual(["news"], self.event_about(message))
        self.clock.advance(200)
        self.assertEqual([], self.event_about(message))

    def test_wrong(self) -> None:
        """Rules of another form, and connectors that aren't there, are refused, all at once."""
        text = """\
receive_inbound_connectors: [web]
receive_outbound_connectors: [menu]
rules:
  - {app: menu, keyword: a, prefx: b}
  - {app: menu}
  - order
"""
        self.assertEqual(
            [
                "switch.yaml:4:29: rules: there is no option 'prefx' (did you mean 'prefix'?)",
                "switch.yaml:5:5: rules: keyword: required, but missing",
                "switch.yaml:6:5: rules: expected a rule, a mapping, got 'order'",
            ],
            self.wrong(text),
        )
        text = """\
receive_inbound_connectors: [web]
receive_outbound_connectors: [menu]
rules: [{app: mneu, keyword: a}]
keyword_mappings: {news: b}
transport_mappings: {a: smss}
fallback_application: nobody
"""
        found = [error.split(" is not")[0] for error in self.wrong(text)]
        self.assertEqual(
            [
                "switch.yaml:3:15: rules: 0: 'mneu'",
                "switch.yaml:4:20: keyword_mappings: 'news'",
                "switch.yaml:5:25: transport_mappings: a: 'smss'",
                "switch.yaml:6:23: fallback_application: 'nobody'",
            ],
            found,
        )
