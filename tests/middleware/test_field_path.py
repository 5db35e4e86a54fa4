"""The way to a value in a message."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipeline.errors import ConfigError
from pipeline.message import EventMessage
from pipeline.middleware.field_path import ConfigFieldPath, key_getter, value_getter
from tests.workers import inbound


class Values(SynchronousTestCase):
    """What is found."""

    def test_found(self) -> None:
        """Fields, keys of extra, and keys within them; what isn't there is None."""
        message = inbound(
            helper_metadata={"order": {"id": 7}}, extra={"x": {"y": 1}, "from_addr": "other"}
        )
        expected: dict[str, Any] = {
            "content": "hi",
            "from_addr": "+27",
            "id": message.message_id,
            "helper_metadata.order.id": 7,
            "helper_metadata.order.no": None,
            "content.length": None,
            "x": {"y": 1},
            "x.y": 1,
            "extra.x.y": 1,
            "extra.from_addr": "other",
            "nothing": None,
        }
        self.assertEqual(expected, {path: value_getter(path)(message) for path in expected})

    def test_events(self) -> None:
        """``id`` is an event's id too."""
        event = EventMessage(event_type="ack", user_message_id="1", sent_message_id="2")
        self.assertEqual(event.event_id, value_getter("id")(event))


class Keys(SynchronousTestCase):
    """Values as parts of keys."""

    def key(self, value: Any) -> str | None:
        return key_getter("extra.x")(inbound(extra={"x": value}))

    def test_alike(self) -> None:
        """Equal values have one key, whatever the order of their parts; others have another."""
        self.assertEqual(self.key({"a": 1, "b": 2}), self.key({"b": 2, "a": 1}))
        values: list[Any] = ["1", 1, "a" * 64, "a" * 65, "a" * 66, {}, [], True, "true"]
        self.assertEqual(len(values), len({self.key(value) for value in values}))

    def test_length(self) -> None:
        """A key is short however long the value; no value has no key."""
        self.assertEqual(33, len(self.key("long" * 1000) or ""))
        self.assertIsNone(self.key(None))


class Option(SynchronousTestCase):
    """The option."""

    def test_clean(self) -> None:
        """A path is words with dots between."""
        field = ConfigFieldPath("Doc.")
        self.assertEqual("a.b-c.d", field.clean("a.b-c.d"))
        for wrong in ("", "a.", ".a", "a b", 1):
            self.assertRaises(ConfigError, field.clean, wrong)
