"""From entries to messages."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pipeline.codec import Codec
from pipeline.message import UserMessage
from pipeline.transports.redis.config import ReadConfig
from pipeline.transports.redis.entry import Entry, Malformed
from pipeline.transports.redis.inward import Inward
from tests.properties import given, settings


def inward(**options: Any) -> Inward:
    """What makes messages of a list's items, unless told otherwise."""
    place = {} if {"stream", "channel"} & set(options) else {"list": "orders"}
    return Inward(ReadConfig({**place, **options}), "o", "redis")


class Messages(SynchronousTestCase):
    def refused(self, entry: Entry, **options: Any) -> Malformed:
        error = self.assertRaises(Malformed, inward(**options).message, entry)
        assert isinstance(error, Malformed)
        return error

    def test_usual(self) -> None:
        """Without rules the fields are called as a message's; nothing is required."""
        made = inward().message(Entry("orders", "1", b'{"content": "hi", "other": 1}'))
        known = (made.content, made.from_addr, made.to_addr, made.extra)
        self.assertEqual(("hi", None, "orders", {}), known)
        self.assertEqual(("o", "redis"), (made.transport_name, made.transport_type))

    def test_rules(self) -> None:
        """Values come from where the rules say, as what they should be."""
        rules = {
            "content": {"from": "body", "type": "json"},
            "from_addr": "user.phone",
            "to_addr": {"value": "shop"},
            "timestamp": "at",
            "transport_metadata.order": {"from": "id", "type": "number"},
            "routing_metadata.endpoint_name": {"value": "bulk"},
        }
        data = b'{"body": {"a": 1}, "user": {"phone": 27}, "at": 0, "id": "17"}'
        made = inward(fields=rules).message(Entry("orders", "1", data))
        known = (made.content, made.from_addr, made.to_addr, made.timestamp.year)
        self.assertEqual(('{"a": 1}', "27", "shop", 1970), known)
        self.assertEqual(17, made.transport_metadata["order"])
        self.assertEqual("bulk", made.get_routing_endpoint())

    def test_ids(self) -> None:
        """An entry has the same id whenever it is read; a field may give another; what is heard
        once has a random one."""
        one = [inward().message(Entry("orders", "1", b"{}")).message_id for _ in range(2)]
        other = inward().message(Entry("orders", "2", b"{}")).message_id
        self.assertEqual((1, 2), (len(set(one)), len({*one, other})))
        heard = [inward().message(Entry("news", "", b"{}")).message_id for _ in range(2)]
        self.assertEqual(2, len(set(heard)))
        mine = inward(fields={"message_id": "id"}).message(Entry("orders", "1", b'{"id": 7}'))
        self.assertEqual("7", mine.message_id)
        for wrong in (b"", b"x" * 256):
            entry = Entry("orders", "1", b'{"id": "%s"}' % wrong)
            error = self.refused(entry, fields={"message_id": "id"})
            self.assertIn("message_id: expected 1 to 255 characters", str(error))

    def test_unmapped(self) -> None:
        """What no rule names is dropped, or kept as it is."""
        entry = Entry("orders", "1", b'{"text": "x", "user": {"a": 1, "b": 2}, "n": 3}')
        rules = {"content": "text", "from_addr": "user.a"}
        self.assertEqual({}, inward(fields=rules).message(entry).extra)
        self.assertEqual({"n": 3}, inward(fields=rules, unmapped="extra").message(entry).extra)

    def test_streams(self) -> None:
        """A stream's fields are text; or one of them holds a payload."""
        entry = Entry("s", "1-0", ((b"text", b"x"), (b"user.a", b"7"), (b"more", b"y")))
        rules = {"content": "text", "from_addr": "user.a"}
        made = inward(stream="s", fields=rules, unmapped="extra").message(entry)
        self.assertEqual(("x", "7", {"more": "y"}), (made.content, made.from_addr, made.extra))
        options = {"stream": "s", "format": "text", "payload_field": "text"}
        self.assertEqual("x", inward(**options).message(entry).content)

    def test_malformed(self) -> None:
        """What is wrong is told with the field's name."""
        for data, rules, told in (
            (b"{}", {"content": "a"}, "content: 'a' is missing"),
            (b'{"a": []}', {"content": "a"}, "content: expected text"),
            (b'{"a": "x"}', {"timestamp": "a"}, "timestamp: expected a time"),
            (b'{"a": "x"}', {"session_event": "a"}, "session_event must be one of"),
            (b'{"a": "x"}', {"extra.n": {"from": "a", "type": "number"}}, "extra.n: expected a"),
            (b"[]", {"content": "a"}, "expected an object"),
        ):
            error = self.refused(Entry("orders", "1", data), fields=rules)
            self.assertIn(told, str(error))
            self.assertEqual("malformed", error.reason)

    def test_oversized(self) -> None:
        """What is too long is not even looked at."""
        error = self.refused(Entry("orders", "1", b"x" * 101), max_entry=100)
        self.assertEqual("oversized", error.reason)
        self.assertIn("101 bytes, over the limit of 100", str(error))

    @settings(max_examples=200)
    @given(st.one_of(st.binary(max_size=60), st.text(max_size=40).map(str.encode)))
    def test_anything(self, data: bytes) -> None:
        """Whatever comes is a message that travels, or is malformed; never another error."""
        rules = {"content": {"from": ".", "type": "text"}}
        for options in ({}, {"format": "msgpack"}, {"format": "text", "fields": rules}):
            try:
                made = inward(unmapped="extra", **options).message(Entry("orders", "1", data))
            except Malformed:
                continue
            self.assertIsInstance(Codec().decode(Codec().encode(made)), UserMessage)
