"""Tests of pipeline.transports.http.config."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from pipeline.errors import ConfigError
from pipeline.transports.http.config import HttpConfig


class Options(TestCase):
    """The options of the HTTP transport."""

    def test_defaults(self) -> None:
        """A name is all that it needs."""
        config = HttpConfig({"transport_name": "web"})
        self.assertEqual("tcp:8080:interface=127.0.0.1", str(config.listen))
        self.assertEqual((10, 2**20, 600), (config.wait, config.max_body, config.dedup_window))

    def test_wait(self) -> None:
        """The usual wait is no longer than the longest."""
        options = {"transport_name": "web", "wait": 20, "max_wait": 10}
        self.assertIn("max_wait", str(self.assertRaises(ConfigError, HttpConfig, options)))
