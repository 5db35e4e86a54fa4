"""Tests of pipeline.transports.file.config."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import TestCase

from pipeline.errors import ConfigError
from pipeline.transports.file.config import FileConfig


class Options(TestCase):
    """What may be configured."""

    def config(self, **options: Any) -> FileConfig:
        return FileConfig({"transport_name": "replay", **options})

    def refused(self, why: str, **options: Any) -> None:
        self.assertIn(why, str(self.assertRaises(ConfigError, self.config, **options)))

    def test_either(self) -> None:
        """Reading, writing or both."""
        self.config(read="a.jsonl")
        self.config(write="-")
        self.config(read="-", write="b.jsonl", stop_at_end="handled")
        self.refused("neither a file to read nor one to write")

    def test_ends(self) -> None:
        """What has no end isn't waited for, and what ends can't be followed."""
        self.refused("has no end", read="a", follow=True, stop_at_end="published")
        self.refused("can't be followed", read="-", follow=True)

    def test_names(self) -> None:
        """Only fields of messages are filled, and never those that are the transport's."""
        self.config(read="a", fields={"content": "text"}, defaults={"to_addr": "x"})
        self.refused("'text' is no field", read="a", fields={"text": "content"})
        self.refused("expected a path", read="a", fields={"content": 7})
        self.refused("has no fields", read="a", fields={"content": "x"}, format="text")
        for name in ("transport_name", "message_id", "text"):
            self.refused(name, read="a", defaults={name: "x"})

    def test_line(self) -> None:
        """A line must be allowed to have something in it."""
        self.refused("a byte", read="a", max_line=0)
