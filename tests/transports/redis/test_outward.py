"""From messages to what is written."""

from __future__ import annotations

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipeline.errors import PermanentFailure
from pipeline.transports.redis.config import WriteConfig
from pipeline.transports.redis.outward import Outward
from tests.transports.redis.test_sink import outbound


def outward(place: str = "list", **options: Any) -> Outward:
    """What makes a list's items, unless told otherwise."""
    return Outward(WriteConfig({place: "x", **options}))


class Written(SynchronousTestCase):
    def test_rules(self) -> None:
        """Values come from where the rules say; what is not there is left out, or has a default;
        an object in a field of a stream is JSON."""
        rules = {
            "text": "content",
            "user.phone": "to_addr",
            "order": {"from": "transport_metadata.order", "type": "number"},
            "kind": {"value": "reply"},
            "group": {"from": "group", "default": "none"},
            "provider": "provider",
            "more": "extra.more",
        }
        message = outbound(transport_metadata={"order": "17"}, extra={"more": {"a": 1}})
        expected = {
            "text": "hi",
            "user": {"phone": "u"},
            "order": 17,
            "kind": "reply",
            "group": "none",
            "more": {"a": 1},
        }
        self.assertEqual(expected, json.loads(outward(fields=rules).payload(message)))
        flat = outward("stream", fields=rules).fields(message)
        told = dict(zip(flat[::2], flat[1::2], strict=True))
        self.assertEqual((b"u", b'{"a":1}'), (told[b"user.phone"], told[b"more"]))

    def test_text(self) -> None:
        """Plain text is the content, or what the rule for ``.`` says."""
        self.assertEqual(b"hi", outward(format="text").payload(outbound()))
        rules = {".": "to_addr"}
        self.assertEqual(b"u", outward(format="text", fields=rules).payload(outbound()))

    def test_wrong(self) -> None:
        """What can't be written fails for good, and says why."""
        number = outward(fields={"n": {"from": "content", "type": "number"}})
        error = self.assertRaises(PermanentFailure, number.payload, outbound())
        self.assertIn("expected a number", str(error))
        empty = outward("stream", fields={"x": "group"})
        error = self.assertRaises(PermanentFailure, empty.fields, outbound())
        self.assertIn("nothing to be written", str(error))
