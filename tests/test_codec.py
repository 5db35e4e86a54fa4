"""Messages to bytes and back."""

from __future__ import annotations

import json
from typing import Any, Literal

import msgspec
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pipeline.codec import Codec, Undecodable
from pipeline.errors import InvalidMessageField
from pipeline.message import EventMessage, FailureMessage, TaskMessage, UserMessage
from pipeline.message.envelope import Message, register
from tests.properties import given

FORMATS: tuple[Literal["json"], Literal["msgpack"]] = ("json", "msgpack")
FIELDS: dict[str, Any] = {
    "to_addr": "*120#",
    "from_addr": "+27",
    "transport_name": "sms",
    "transport_type": "sms",
}

plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)

tables = st.dictionaries(st.text(), plain)


@register
class Moody(Message, tag="codec_test"):
    mood: int = 0

    def __post_init__(self) -> None:
        Message.__post_init__(self)
        if self.mood > 9:
            raise KeyError(self.mood)


class RoundTrips(SynchronousTestCase):
    @given(st.none() | st.text(), tables, tables)
    def test_user_message(self, content: str | None, metadata: Any, extra: Any) -> None:
        """A message comes back equal, in either format, from either codec."""
        message = UserMessage(**FIELDS, content=content, helper_metadata=metadata, extra=extra)
        for format in FORMATS:
            data = Codec(format).encode(message)
            for reader in FORMATS:
                self.assertEqual(message, Codec(reader).decode(data))

    def test_classes(self) -> None:
        """Every kind comes back as its own class, those registered by users too."""
        event = EventMessage(event_type="ack", user_message_id="u", sent_message_id="s")
        for message in (event, TaskMessage(task="t"), TaskMessage(task="t").result(1), Moody()):
            for format in FORMATS:
                back = Codec(format).decode(Codec(format).encode(message))
                self.assertIs(type(message), type(back))
                self.assertEqual(message, back)

    def test_registered_later(self) -> None:
        """A class that is registered after a codec was used is known to it."""
        codec = Codec()
        codec.decode(b"{}")

        @register
        class Late(Message, tag="codec_late"):
            pass

        self.assertEqual(Late, type(codec.decode(codec.encode(Late()))))

    def test_format(self) -> None:
        """There are two formats."""
        with self.assertRaises(ValueError):
            Codec("pickle")  # type: ignore[arg-type]

    def test_vumis(self) -> None:
        """Vumi's JSON is read, unknown keys and its form of a timestamp included."""
        fields = {
            **FIELDS,
            "message_type": "user_message",
            "message_version": "20110921",
            "message_id": "abc",
            "timestamp": "2011-09-21 10:11:12.123456",
            "metadata": {"old": True},
        }
        for data in (json.dumps(fields).encode(), msgspec.msgpack.encode(fields)):
            message = Codec().decode(data)
            assert isinstance(message, UserMessage)
            self.assertEqual("2011-09-21T10:11:12.123456+00:00", message.timestamp.isoformat())
            self.assertEqual({"metadata": {"old": True}}, message.extra)

    def test_vumis_failures(self) -> None:
        """A failure message is known by the name that Vumi gives it, too."""
        fields = {
            "message_type": "failure_message",
            "message": {"content": "x"},
            "failure_code": "temporary",
            "reason": "Traceback",
            "timestamp": "2012-05-07 13:07:32",
        }
        for data in (json.dumps(fields).encode(), msgspec.msgpack.encode(fields)):
            message = Codec().decode(data)
            assert isinstance(message, FailureMessage)
            self.assertEqual("temporary", message.failure_code)
            self.assertEqual("failure", message.message_type)


class Refused(SynchronousTestCase):
    def reason(self, data: bytes, codec: Codec | None = None) -> str:
        refused = (codec or Codec()).decode(data)
        assert isinstance(refused, Undecodable), refused
        self.assertEqual(data, refused.raw)
        return refused.reason

    @given(st.binary() | st.binary().map(b"{".__add__) | st.binary().map(b"\x85".__add__))
    def test_anything(self, data: bytes) -> None:
        """Decoding never raises, whatever it is given."""
        self.assertTrue(self.reason(data))

    @given(st.dictionaries(st.sampled_from([*UserMessage.__struct_fields__, "odd"]), plain))
    def test_any_fields(self, fields: dict[str, Any]) -> None:
        """Decoding never raises, whatever the fields hold."""
        for encode in (msgspec.json.encode, msgspec.msgpack.encode):
            codec = Codec()
            decoded = codec.decode(encode({**FIELDS, **fields, "message_type": "user_message"}))
            self.assertIsInstance(decoded, UserMessage | Undecodable)

    def test_reasons(self) -> None:
        """The reason names the field at fault."""
        whole: dict[str, Any] = {**FIELDS, "message_type": "user_message"}
        cases: list[tuple[dict[str, Any], str]] = [
            ({"message_type": "user_message"}, "to_addr"),
            ({**whole, "content": 5}, "$.content"),
            ({**whole, "helper_metadata": None}, "$.helper_metadata"),
            ({**whole, "session_event": "open"}, "session_event"),
            ({**whole, "timestamp": "noon"}, "$.timestamp"),
            ({**whole, "odd": 1, "content": 5}, "$.content"),
            ({**whole, "message_type": "unheard"}, "$.message_type"),
            ({**whole, "message_type": "unheard", "odd": 1}, "$.message_type"),
            (FIELDS, "message_type"),
        ]
        for fields, named in cases:
            self.assertIn(named, self.reason(json.dumps(fields).encode()))
            self.assertIn(named, self.reason(msgspec.msgpack.encode(fields)))

    def test_broken(self) -> None:
        """Bad UTF-8, deep nesting, no bytes and foreign bytes are told apart."""
        self.assertIn("utf-8", self.reason(b'{"message_type":"\xff"}'))
        deep = b'{"message_type":"user_message","extra":{"a":' + b"[" * 10**5
        self.assertIn("nested", self.reason(deep))
        self.assertIn("empty", self.reason(b""))
        self.assertIn("0x78", self.reason(b"x"))

    def test_later_versions(self) -> None:
        """Bytes of a later wire version say so."""
        self.assertIn("wire version 2 ", self.reason(b"\x02{}"))

    def test_own_checks(self) -> None:
        """Whatever a user's class raises about its fields, the message is undecodable."""
        self.assertIn("KeyError", self.reason(b'{"message_type":"codec_test","mood":10}'))

    def test_too_large(self) -> None:
        """A message over the size limit is neither read nor written."""
        message = UserMessage(**FIELDS, content="x" * 1000)
        data = Codec().encode(message)
        self.assertIn("limit of 999", self.reason(data, Codec(max_bytes=999)))
        with self.assertRaises(InvalidMessageField) as caught:
            Codec(max_bytes=999).encode(message)
        self.assertIn("limit of 999", str(caught.exception))
        self.assertEqual(message, Codec(max_bytes=len(data)).decode(data))


class Unencodable(SynchronousTestCase):
    def test_named(self) -> None:
        """What can't travel is named, with its path and the message's type."""
        cases: list[tuple[Any, str]] = [
            (object(), "object value - at `$.helper_metadata.a[1].b`"),
            ("\ud800", "str value - at `$.helper_metadata.a[1].b`"),
            ({(1, 2): 3}, "dict value - at `$.helper_metadata.a[1].b`"),
        ]
        for value, said in cases:
            message = UserMessage(**FIELDS, helper_metadata={"a": [0, {"b": value}]})
            for format in FORMATS:
                if format == "msgpack" and isinstance(value, dict):
                    continue  # msgpack has maps with any key
                with self.assertRaises(InvalidMessageField) as caught:
                    Codec(format).encode(message)
                self.assertIn("user_message", str(caught.exception))
                self.assertIn(said, str(caught.exception))

    def test_endless(self) -> None:
        """What contains itself is refused."""
        endless: list[Any] = []
        endless.append(endless)
        for format in FORMATS:
            with self.assertRaises(InvalidMessageField):
                Codec(format).encode(UserMessage(**FIELDS, extra={"a": endless}))

    def test_huge_number(self) -> None:
        """A number that the format has no room for is refused."""
        with self.assertRaises(InvalidMessageField):
            Codec("msgpack").encode(UserMessage(**FIELDS, extra={"a": 2**70}))
