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

    def test_listen(self) -> None:
        """An endpoint that can't be listened on is an error before anything starts."""
        for given, said in (
            ({"listen": "tcp:80:interfce=x"}, "no 'interfce' here"),
            ({"listen": "tcp6:80:interface=::1"}, "is written \\:"),
            ({"listen": "unix:/x", "reuse_port": True}, "need a tcp port"),
            ({"listen": "ssl:443", "tls": {"certificate": "x"}}, "not both"),
        ):
            options = {"transport_name": "web", **given}
            error = self.assertRaises(ConfigError, HttpConfig, options)
            self.assertIn("listen: ", str(error))
            self.assertIn(said, str(error))
