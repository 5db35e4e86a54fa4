"""Tests of pipeline.transports.websocket.config."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import TestCase

from pipeline.errors import ConfigError
from pipeline.transports.websocket.config import WebSocketConfig


class Options(TestCase):
    """The options of the WebSocket transport."""

    def made(self, **options: Any) -> Any:
        return WebSocketConfig({"transport_name": "web", **options})

    def refused(self, **options: Any) -> str:
        return str(self.assertRaises(ConfigError, self.made, **options))

    def test_defaults(self) -> None:
        """A name is all that it needs; this machine only is served."""
        config = self.made()
        self.assertEqual("tcp:8081:interface=127.0.0.1", str(config.listen))
        self.assertEqual((2**16, 10, 2**20), (config.max_message, config.max_pending, 2**20))
        self.assertEqual(2**16, config.limits.max_message)

    def test_origins(self) -> None:
        """Origins must be spelt as browsers spell them."""
        self.made(allowed_origins=["https://example.org", "http://localhost:3000", "*"])
        for wrong in ("example.org", "https://example.org/", "https://Example.org", "null", 3):
            self.assertIn("allowed_origins", self.refused(allowed_origins=[wrong]))

    def test_principal(self) -> None:
        """Addresses are names only where there are names."""
        self.assertIn("authentication", self.refused(address="principal"))
        bearer = {"bearer": {"ada": "0123456789abcdef"}}
        self.made(address="principal", authentication=bearer)

    def test_path(self) -> None:
        """A path is one, without a query."""
        for wrong in ("chat", "/chat?x=1", ""):
            self.assertIn("path", self.refused(path=wrong))

    def test_subprotocols(self) -> None:
        """Sub-protocols are such as a header can name, and no tokens."""
        for wrong in ("a b", "", "bearer.x", 3):
            self.assertIn("subprotocols", self.refused(subprotocols=[wrong]))
