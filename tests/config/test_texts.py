"""Mappings of texts."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipeline.config.base import Config
from pipeline.config.source import parse_document
from pipeline.config.texts import ConfigTexts
from pipeline.errors import ConfigError


class Options(Config):
    names = ConfigTexts("Names.", default={}, static=True)


def read(text: str) -> Any:
    return Options(parse_document(text, "a.yaml").data).names


class Texts(SynchronousTestCase):
    def test_accepted(self) -> None:
        """Texts map to texts; nothing is an empty mapping."""
        self.assertEqual({"+27": "mtn"}, read('names: {"+27": mtn}'))
        self.assertEqual({}, read("names:"))

    def test_refused(self) -> None:
        """Numbers and nothing are refused on either side, each with its position."""
        with self.assertRaises(ConfigError) as caught:
            read("names:\n  b: 28\n  c:\n")
        lines = str(caught.exception).splitlines()
        self.assertEqual("a.yaml:2:6: names: b: expected text, got 28 (put it in quotes)", lines[0])
        self.assertEqual("a.yaml:3:5: names: c: expected text, got nothing", lines[1])
        with self.assertRaises(ConfigError) as caught:
            Options({"names": {27: "a"}})
        self.assertIn("names: 27: expected text, got 27", str(caught.exception))

    def test_no_mapping(self) -> None:
        """What is no mapping is refused."""
        with self.assertRaises(ConfigError):
            read("names: [a]")
