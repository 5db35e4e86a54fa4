"""What Vumi's users know of messages (0.6.19), row by row; where Vumi is wrong it is put right.

Each test is one row. The ways and forms of it are in test_envelope, test_user and test_reports.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipeline.codec import Codec
from pipeline.errors import InvalidMessageField, MissingMessageField
from pipeline.message import (
    FailureMessage,
    Message,
    TransportEvent,
    TransportStatus,
    TransportUserMessage,
)

FIELDS: dict[str, Any] = {
    "to_addr": "*120#",
    "from_addr": "+27831234567",
    "transport_name": "ussd",
    "transport_type": "ussd",
}
REPLY_KEEPS = ("group", "provider", "transport_name", "transport_type", "transport_metadata")


def user_message(**fields: Any) -> TransportUserMessage:
    return TransportUserMessage(**{**FIELDS, **fields})


def ack(**fields: Any) -> TransportEvent:
    given = {"event_type": "ack", "user_message_id": "1", "sent_message_id": "2", **fields}
    return TransportEvent(**given)


class Common(SynchronousTestCase):
    def test_fields(self) -> None:
        """Every message has version, type, time and both metadata."""
        for message, kind in ((user_message(), "user_message"), (ack(), "event")):
            self.assertEqual("20110921", message["message_version"])
            self.assertEqual(kind, message["message_type"])
            self.assertEqual(kind, type(message).MESSAGE_TYPE)
            self.assertEqual(({}, {}), (message["routing_metadata"], message["helper_metadata"]))
            self.assertIsInstance(message["timestamp"], datetime)

    def test_endpoint(self) -> None:
        """The endpoint's name is in routing_metadata; None means 'default'."""
        message = user_message()
        self.assertEqual("default", message.get_routing_endpoint())
        for given, name in (("sms", "sms"), (None, "default")):
            message.set_routing_endpoint(given)
            self.assertEqual({"endpoint_name": name}, message.routing_metadata)
            self.assertEqual(name, message.get_routing_endpoint())

    def test_ids(self) -> None:
        """Ids are uuid4 in hexadecimal."""
        uuid4 = re.compile(r"[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}")
        for made in (user_message().message_id, ack().event_id, Message.generate_id()):
            self.assertTrue(uuid4.fullmatch(made), made)

    def test_mapping(self) -> None:
        """A message is read and written as a mapping; keys that are no field travel too."""
        message = user_message(content="hi")
        message["content"] = message.get("content", "") + "!"
        message["mood"] = "good"
        self.assertIn("mood", message)
        self.assertEqual(("hi!", "none"), (message["content"], message.get("more", "none")))
        self.assertEqual("good", TransportUserMessage.from_json(message.to_json())["mood"])


class UserMessages(SynchronousTestCase):
    def test_required(self) -> None:
        """Addresses and transport are required; None is a value."""
        for name in FIELDS:
            rest = {key: value for key, value in FIELDS.items() if key != name}
            self.assertRaises(MissingMessageField, TransportUserMessage, **rest)
            self.assertIsNone(user_message(**{name: None})[name])

    def test_defaults(self) -> None:
        """All else is None; transport_metadata is empty."""
        message = user_message()
        names = (
            *("in_reply_to", "provider", "session_event", "content", "group"),
            *("to_addr_type", "from_addr_type"),
        )
        self.assertEqual([None] * 7, [message[name] for name in names])
        self.assertEqual({}, message["transport_metadata"])

    def test_session_events(self) -> None:
        """The session event is one of None, new, resume, close, which have names."""
        named = [
            *(TransportUserMessage.SESSION_NONE, TransportUserMessage.SESSION_NEW),
            *(TransportUserMessage.SESSION_RESUME, TransportUserMessage.SESSION_CLOSE),
        ]
        self.assertEqual([None, "new", "resume", "close"], named)
        for event in named:
            self.assertEqual(event, user_message(session_event=event)["session_event"])
        self.assertRaises(InvalidMessageField, user_message, session_event="pause")

    def test_user(self) -> None:
        """user() is who sent it."""
        self.assertEqual("+27831234567", user_message().user())


class Replies(SynchronousTestCase):
    def setUp(self) -> None:
        self.message = user_message(group="#g", provider="mno", transport_metadata={"a": {"b": 1}})
        self.message.set_routing_endpoint("other")

    def test_fields(self) -> None:
        """A reply swaps the addresses, says what it answers, and keeps the rest, endpoint too."""
        reply = self.message.reply("yes", mood="good")
        self.assertEqual(("+27831234567", "*120#"), (reply["to_addr"], reply["from_addr"]))
        self.assertEqual(self.message["message_id"], reply["in_reply_to"])
        for name in REPLY_KEEPS:
            self.assertEqual(self.message[name], reply[name])
        self.assertEqual("other", reply.get_routing_endpoint())
        self.assertEqual(("yes", "good"), (reply["content"], reply["mood"]))

    def test_session(self) -> None:
        """continue_session=False closes; an explicit session_event wins."""
        close = TransportUserMessage.SESSION_CLOSE
        self.assertIsNone(self.message.reply("x")["session_event"])
        self.assertEqual(close, self.message.reply("x", False)["session_event"])
        resumed = self.message.reply("x", continue_session=False, session_event="resume")
        self.assertEqual("resume", resumed["session_event"])

    def test_not_overridden(self) -> None:
        """FIX: all eight of what the original decides is a TypeError; Vumi misses two of them."""
        for name in ("to_addr", "from_addr", "in_reply_to", *REPLY_KEEPS):
            for reply in (self.message.reply, self.message.reply_group):
                self.assertRaises(TypeError, reply, "x", **{name: "y"})

    def test_copies(self) -> None:
        """FIX: a reply shares no metadata with what it answers."""
        reply = self.message.reply("x")
        reply["transport_metadata"]["a"]["b"] = 2
        reply["helper_metadata"]["c"] = 3
        reply["routing_metadata"]["endpoint_name"] = "elsewhere"
        self.assertEqual({"a": {"b": 1}}, self.message["transport_metadata"])
        self.assertEqual({}, self.message["helper_metadata"])
        self.assertEqual("other", self.message.get_routing_endpoint())

    def test_group(self) -> None:
        """A reply to the group is for nobody; without a group it is a plain reply."""
        self.assertIsNone(self.message.reply_group("x")["to_addr"])
        self.assertEqual("+27831234567", user_message().reply_group("x")["to_addr"])

    def test_send(self) -> None:
        """send() answers nothing; what it isn't told about the transport is None."""
        sent = TransportUserMessage.send("+27", "hi", provider="mno")
        self.assertEqual(("+27", "hi", "mno"), (sent["to_addr"], sent["content"], sent["provider"]))
        unknown = ("from_addr", "transport_name", "transport_type", "in_reply_to", "session_event")
        self.assertEqual([None] * 5, [sent[name] for name in unknown])


class Reports(SynchronousTestCase):
    def test_events(self) -> None:
        """An event is an ack, a nack or a delivery report, each with a field of its own."""
        cases = [
            ("ack", {"sent_message_id": "2"}, "ack"),
            ("nack", {"nack_reason": "no"}, "nack"),
            *(
                ("delivery_report", {"delivery_status": each}, f"delivery_report.{each}")
                for each in ("pending", "failed", "delivered")
            ),
        ]
        for kind, fields, status in cases:
            event = TransportEvent(user_message_id="1", event_type=kind, **fields)
            self.assertEqual(status, event.status())
            with self.assertRaises(MissingMessageField):
                TransportEvent(user_message_id="1", event_type=kind)
        with self.assertRaises(InvalidMessageField):
            TransportEvent(user_message_id="1", event_type="shrug")
        eaten = {"event_type": "delivery_report", "delivery_status": "eaten"}
        with self.assertRaises(InvalidMessageField):
            TransportEvent(user_message_id="1", **eaten)

    def test_statuses(self) -> None:
        """A status says of which component, how it is, and what happened."""
        fields = {"component": "link", "type": "lost", "message": "no line"}
        for status in ("ok", "degraded", "down"):
            made = TransportStatus(status=status, **fields)
            self.assertEqual(([], {}), (made["reasons"], made["details"]))
        self.assertEqual("status_event", made["message_type"])
        with self.assertRaises(InvalidMessageField):
            TransportStatus(status="fine", **fields)
        for name in fields:
            rest = {key: value for key, value in fields.items() if key != name}
            with self.assertRaises(MissingMessageField):
                TransportStatus(status="ok", **rest)

    def test_failures(self) -> None:
        """A failure has the payload that failed, a code and the traceback."""
        for code in (None, "temporary", "permanent"):
            made = FailureMessage(message={"content": "x"}, failure_code=code, reason="Traceback")
            self.assertEqual(code, made["failure_code"])
        codes = (FailureMessage.FC_UNSPECIFIED, FailureMessage.FC_TEMPORARY)
        self.assertEqual((None, "temporary"), codes)
        with self.assertRaises(InvalidMessageField):
            FailureMessage(message={}, reason="x", failure_code="odd")


class Wire(SynchronousTestCase):
    """What a Vumi worker has published is read."""

    #: As json.dumps writes a Vumi message; its own form of a date, no zone.
    WRITTEN = (
        '{"transport_name": "sms", "in_reply_to": null, "group": null, "from_addr": "+27",'
        ' "message_type": "user_message", "helper_metadata": {"tag": {"tag": ["p", "n"]}},'
        ' "content": "h\\u00e9", "routing_metadata": {"endpoint_name": "default"},'
        ' "message_version": "20110921", "transport_type": "sms", "provider": null,'
        ' "to_addr_type": null, "from_addr_type": null, "to_addr": "123",'
        ' "timestamp": "2012-05-07 13:07:32.123456", "session_event": null,'
        ' "transport_metadata": {}, "message_id": "5df3cb1d7b0345d9a9ecdf5d0c60c2f2",'
        ' "__cache__": {"x": 1}}'
    )

    def read(self, text: str) -> Any:
        return Codec().decode(text.encode())

    def test_user_message(self) -> None:
        """Every field is where it was; the time is UTC; unknown keys are kept."""
        message = self.read(self.WRITTEN)
        self.assertIsInstance(message, TransportUserMessage)
        expected = json.loads(self.WRITTEN)
        moment = datetime(2012, 5, 7, 13, 7, 32, 123456, UTC)
        self.assertEqual({**expected, "timestamp": moment}, message.payload)
        self.assertEqual({"__cache__": {"x": 1}}, message.extra)
        self.assertEqual(message, TransportUserMessage.from_json(self.WRITTEN))

    def test_whole_seconds(self) -> None:
        """A time without microseconds is read, too."""
        message = self.read(self.WRITTEN.replace(".123456", ""))
        self.assertEqual(datetime(2012, 5, 7, 13, 7, 32, 0, UTC), message.timestamp)

    def test_older(self) -> None:
        """A message of before there were groups, providers and helper_metadata is read."""
        fields = json.loads(self.WRITTEN)
        for name in ("group", "provider", "helper_metadata", "routing_metadata"):
            del fields[name]
        message = self.read(json.dumps(fields))
        self.assertEqual(
            (None, None, {}), (message.group, message.provider, message.helper_metadata)
        )

    def test_other_kinds(self) -> None:
        """Events, statuses and failures are read, failures by the name that Vumi gives them."""
        common = {"message_version": "20110921", "timestamp": "2012-05-07 13:07:32.123456"}
        event = {"user_message_id": "1", "event_type": "nack", "nack_reason": "no", "event_id": "e"}
        status = {"component": "c", "status": "ok", "type": "t", "message": "m", "reasons": []}
        failure = {"message": {"content": "x"}, "failure_code": "permanent", "reason": "T"}
        kinds: list[tuple[str, dict[str, Any], Any]] = [
            ("event", event, TransportEvent),
            ("status_event", status, TransportStatus),
            ("failure_message", failure, FailureMessage),
        ]
        for tag, fields, cls in kinds:
            text = json.dumps({**common, "message_type": tag, "helper_metadata": {}, **fields})
            self.assertIs(cls, type(self.read(text)))
            self.assertIs(cls, type(cls.from_json(text)))

    def test_other_versions(self) -> None:
        """A message of another version is refused, as there."""
        with self.assertRaises(InvalidMessageField):
            Message.from_json(self.WRITTEN.replace("20110921", "20991231"))
