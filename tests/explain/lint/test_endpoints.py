"""Endpoints and connectors that lead nowhere."""

from __future__ import annotations

from tests.explain.lint.systems import LintCase
from tests.explain.lint.test_wiring import app, system, web

TABLE = "pipeline.dispatchers.RoutingTableDispatcher"
KEYWORD = "pipeline.dispatchers.ContentKeywordRouter"


def switch(table: str) -> str:
    sides = "receive_inbound_connectors: [web], receive_outbound_connectors: [menu]"
    return f"switch: {{class: {TABLE}, {sides}, routing_table: {table}}}"


class Table(LintCase):
    """Ways of a routing table."""

    def looked_at(self, table: str) -> str:
        return system(switch(table), app("menu", "menu"), web("web"))

    def test_right(self) -> None:
        """Each endpoint that is used has a way to one that is there; {} is no oversight."""
        right = "{web: {default: [menu, default]}, menu: {default: [web, default]}}"
        self.assertEqual([], self.found(self.looked_at(right)))
        self.assertEqual(
            [], self.found(self.looked_at("{web: {default: [menu, default]}, menu: {}}"))
        )

    def test_unrouted(self) -> None:
        """What the application sends on an endpoint without a way, is lost."""
        wrong = "{web: {default: [menu, default]}, menu: {other: [web, default]}}"
        finding = self.only(self.looked_at(wrong), "unrouted-endpoint", worker="switch", line=3)
        self.assertIn("'menu' sends on the endpoint 'default'", finding.what)

    def test_unhandled(self) -> None:
        """What goes to an endpoint that the application doesn't have, too."""
        wrong = "{web: {default: [menu, sms]}, menu: {default: [web, default]}}"
        finding = self.only(self.looked_at(wrong), "unhandled-endpoint", line=3)
        self.assertIn("'menu' has only default", finding.what)


class Rules(LintCase):
    """Connectors that a router never chooses."""

    def test_unmentioned(self) -> None:
        """An application that no rule leads to."""
        sides = "receive_inbound_connectors: [web], receive_outbound_connectors: [menu, news]"
        router = f"switch: {{class: {KEYWORD}, {sides}, keyword_mappings: {{news: news}}}}"
        text = system(router, app("menu", "menu"), app("news", "news"), web("web"))
        finding = self.only(text, "unrouted-connector", worker="switch")
        self.assertIn("leads to 'menu'", finding.what)
        fallback = text.replace(
            "keyword_mappings:", "fallback_application: menu, keyword_mappings:"
        )
        self.assertEqual([], self.found(fallback))
