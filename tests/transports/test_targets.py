"""What of a message an entry may fill."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from pipeline.config.base import Config
from pipeline.errors import ConfigError
from pipeline.message import UserMessage
from pipeline.message.envelope import field_names
from pipeline.transports.targets import MAPPINGS, TEXTS, ConfigTargets, kind_of, target


class Filling(Config):
    """Options with targets."""

    rules = ConfigTargets("Rules.")


class Targets(SynchronousTestCase):
    def test_fields(self) -> None:
        """Every target is a field of a user message."""
        names = field_names(UserMessage) | {"extra"}
        self.assertEqual(set(), (TEXTS | set(MAPPINGS)) - names)

    def test_target(self) -> None:
        """A field, or a key in one that holds a mapping; each has its type."""
        self.assertEqual(("content", ""), target("content"))
        self.assertEqual(("transport_metadata", "a.b"), target("transport_metadata.a.b"))
        kinds = [kind_of(name) for name in ("content", "timestamp", "extra.x")]
        self.assertEqual(["text", "time", "as_is"], kinds)

    def test_refused(self) -> None:
        """What a message doesn't have, or what belongs to the transport, is refused by name."""
        for name in ("contents", "transport_name", "extra", "content.x", "message_type"):
            error = self.assertRaises(ConfigError, Filling, {"fields": {name: "x"}})
            self.assertIn(f"{name!r} is no field to be filled", str(error))
