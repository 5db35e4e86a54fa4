"""Tests of pipeline.transports.lines.config."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import TestCase

from pipeline.errors import ConfigError
from pipeline.transports.lines.config import LinesConfig


class Options(TestCase):
    """What may be configured."""

    def config(self, **options: Any) -> LinesConfig:
        return LinesConfig({"transport_name": "lines", **options})

    def test_defaults(self) -> None:
        """It listens for this machine alone, and has limits."""
        config = self.config()
        self.assertIn("interface=127.0.0.1", config.listen.description)
        self.assertEqual(
            (8192, 262144, 600), (config.max_line, config.max_unread, config.idle_timeout)
        )

    def test_encodings(self) -> None:
        """An encoding must exist, be of text, and have line feeds of one byte."""
        for name in ("utf-8", "UTF8", "latin-1", "cp1252", "gb18030", "shift_jis"):
            self.config(encoding=name)
        for name in ("utf-9", "utf-16", "utf-32", "base64", "cp037", "x\0y"):
            error = self.assertRaises(ConfigError, self.config, encoding=name)
            self.assertIn("encoding", str(error))

    def test_no_room(self) -> None:
        """A line must be allowed to have something in it."""
        self.assertRaises(ConfigError, self.config, max_line=0)
