"""The ways of dispatchers in words."""

from __future__ import annotations

from pipeline.explain.prepared import prepared
from pipeline.explain.routes import routes_of
from pipeline.service.build import load
from tests.explain.systems import ExplainCase
from tests.service.support import ROOT


class Routes(ExplainCase):
    """What the options say."""

    def routes(self, file: str) -> list[str]:
        workers = prepared(load(ROOT / file), ["switch"])
        return list(routes_of(workers[0].worker))

    def test_table(self) -> None:
        """A routing table, way by way."""
        found = self.routes("examples/conversation.yaml")
        self.assertEqual("lines (default) -> house (lines)", found[0])
        self.assertEqual(6, len(found))

    def test_options(self) -> None:
        """Of other routers the two sides, and the options that name a connector."""
        self.assertEqual(
            [
                "web, sms <-> menu, news",
                "keyword_mappings: news: news",
                "fallback_application: menu",
            ],
            self.routes("config/dispatcher.yaml"),
        )

    def test_no_dispatcher(self) -> None:
        """Other workers have none."""
        workers = prepared(load(ROOT / "config/dispatcher.yaml"), ["web"])
        self.assertEqual([], list(routes_of(workers[0].worker)))
