"""What all kinds of message have in common."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipeline.errors import InvalidMessageField, MissingMessageField
from pipeline.message import EventMessage, TaskMessage, UserMessage
from pipeline.message.envelope import Message, from_payload, make, register, registered


def user_message(**fields: Any) -> UserMessage:
    return UserMessage(
        **{
            "to_addr": "*120#",
            "from_addr": "+27",
            "transport_name": "sms",
            "transport_type": "sms",
            **fields,
        }
    )


class MappingStyle(SynchronousTestCase):
    def test_fields(self) -> None:
        """A field is read and written as a key."""
        message = user_message(content="hi")
        message["content"] = "ho"
        self.assertEqual("ho", message.content)
        self.assertEqual("ho", message["content"])
        self.assertEqual("user_message", message["message_type"])
        self.assertIn("content", message)
        self.assertIn("message_type", message)

    def test_extra(self) -> None:
        """A key that is no field lives in extra, and may be deleted."""
        message = user_message()
        message["mood"] = "good"
        self.assertEqual({"mood": "good"}, message.extra)
        self.assertEqual("good", message["mood"])
        del message["mood"]
        self.assertNotIn("mood", message)
        with self.assertRaises(KeyError):
            message["mood"]
        with self.assertRaises(KeyError):
            del message["mood"]

    def test_methods_are_no_keys(self) -> None:
        """The name of a method is a key like any other."""
        message = user_message()
        self.assertIsNone(message.get("reply"))
        message["reply"] = 1
        self.assertEqual({"reply": 1}, message.extra)

    def test_get(self) -> None:
        """get() gives the default only if the key isn't there."""
        message = user_message()
        self.assertEqual(5, message.get("mood", 5))
        self.assertIsNone(message.get("content", 5))

    def test_fields_stay(self) -> None:
        """A field can't be deleted, nor a message become another kind."""
        message = user_message()
        with self.assertRaises(InvalidMessageField):
            del message["content"]
        with self.assertRaises(InvalidMessageField):
            message["message_type"] = "event"
        message["message_type"] = "user_message"

    def test_payload(self) -> None:
        """The payload is flat and a copy; dict() of a message is the same."""
        message = user_message(extra={"mood": "good"})
        payload = message.payload
        self.assertEqual("good", payload["mood"])
        self.assertNotIn("extra", payload)
        self.assertEqual(payload, dict(message))
        self.assertEqual(payload, dict(message.items()))
        self.assertEqual(list(payload), list(message))
        self.assertEqual(list(payload), message.keys())
        payload["content"] = "other"
        self.assertIsNone(message.content)

    def test_update(self) -> None:
        """update() takes a mapping or a message."""
        message = user_message()
        message.update({"content": "x", "mood": 1})
        self.assertEqual(("x", 1), (message.content, message["mood"]))
        twin = user_message()
        twin.update(message)
        self.assertEqual(message, twin)


class Fields(SynchronousTestCase):
    def test_timestamp(self) -> None:
        """A timestamp is aware and in UTC, whatever was given."""
        east = timezone(timedelta(hours=2))
        for given in (datetime(2011, 9, 21, 8), datetime(2011, 9, 21, 10, tzinfo=east)):  # noqa: DTZ001
            message = user_message(timestamp=given)
            self.assertEqual(datetime(2011, 9, 21, 8, tzinfo=UTC), message.timestamp)
            self.assertIs(UTC, message.timestamp.tzinfo)
        self.assertIs(UTC, user_message().timestamp.tzinfo)

    def test_timestamp_out_of_range(self) -> None:
        """A timestamp that UTC has no name for is refused, also from a peer's JSON."""
        for given in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"):
            with self.assertRaisesRegex(InvalidMessageField, "timestamp is out of range"):
                user_message(timestamp=datetime.fromisoformat(given))
            text = user_message().to_json()
            far = json.dumps({**json.loads(text), "timestamp": given})
            with self.assertRaisesRegex(InvalidMessageField, "timestamp is out of range"):
                UserMessage.from_json(far)

    def test_no_timestamp(self) -> None:
        """A timestamp that is no datetime is refused."""
        with self.assertRaises(InvalidMessageField):
            user_message(timestamp="yesterday")

    def test_version(self) -> None:
        """A message of another version is refused: its fields may mean something else."""
        for cls in (UserMessage, EventMessage):
            with self.assertRaises(InvalidMessageField) as caught:
                cls(message_version="20991231")
            self.assertIn("message_version must be one of '20110921'", str(caught.exception))

    def test_endpoint(self) -> None:
        """The routing endpoint is 'default' unless one is set; None sets the default."""
        message = user_message()
        self.assertEqual("default", message.get_routing_endpoint())
        message.set_routing_endpoint("other")
        self.assertEqual({"endpoint_name": "other"}, message.routing_metadata)
        self.assertEqual("other", message.get_routing_endpoint())
        message.set_routing_endpoint(None)
        self.assertEqual({"endpoint_name": "default"}, message.routing_metadata)

    def test_own_dicts(self) -> None:
        """No two messages share a default dict."""
        user_message().helper_metadata["x"] = 1
        self.assertEqual({}, user_message().helper_metadata)

    def test_repr(self) -> None:
        """The representation is short and names class, id and addresses."""
        shown = repr(user_message(content="long " * 1000))
        self.assertLess(len(shown), 250)
        self.assertIn("from_addr='+27'", shown)


class Making(SynchronousTestCase):
    """A message of named values, of which not all are fields."""

    def test_unknown(self) -> None:
        """What is no field goes to ``extra``, beside what is there."""
        made = make(TaskMessage, {"task": "t", "colour": "red", "extra": {"size": 3}})
        self.assertEqual(("t", {"colour": "red", "size": 3}), (made.task, made.extra))
        self.assertEqual({}, make(TaskMessage, {"task": "t"}).extra)
        self.assertRaises(MissingMessageField, make, TaskMessage, {"colour": "red"})


class Copies(SynchronousTestCase):
    def test_copy(self) -> None:
        """A copy is equal and shares no metadata, however deep."""
        message = TaskMessage(task="t", args=[[1], {2}], helper_metadata={"tag": {"tag": ["a"]}})
        twin = message.copy()
        self.assertEqual(message, twin)
        twin.helper_metadata["tag"]["tag"].append("b")
        twin.args[0].append(2)
        twin.args[1].add(3)
        self.assertEqual({"tag": {"tag": ["a"]}}, message.helper_metadata)
        self.assertEqual([[1], {2}], message.args)

    def test_delivery_stays(self) -> None:
        """The delivery in hand is no field: it is neither copied, compared nor sent."""
        message = user_message()
        twin = message.copy()
        message._delivery = object()
        self.assertEqual(twin, message)
        self.assertNotIn("_delivery", message.payload)
        self.assertEqual(twin.to_json(), message.to_json())
        for copied in (message.copy(), copy.copy(message), copy.deepcopy(message)):
            self.assertIsNone(copied._delivery)


class Json(SynchronousTestCase):
    def test_round_trip(self) -> None:
        """A message goes through its JSON and back, extra keys included."""
        message = user_message(content="hé", extra={"mood": [1]})
        self.assertEqual(message, Message.from_json(message.to_json()))
        self.assertEqual(message, UserMessage.from_json(message.to_json().encode()))

    def test_other_kind(self) -> None:
        """A kind refuses the JSON of another one."""
        with self.assertRaises(InvalidMessageField):
            EventMessage.from_json(user_message().to_json())

    def test_no_json(self) -> None:
        """What is no JSON, or no message, is an InvalidMessageField."""
        for text in ("{", "[]", b"\xff", "[" * 10**5, "{}", '{"message_type": ["x"]}'):
            with self.assertRaises(InvalidMessageField):
                Message.from_json(text)

    def test_missing(self) -> None:
        """A missing field is a MissingMessageField, also of a class without a default for it."""
        for text in ('{"message_type": "event"}', '{"message_type": "envelope_test"}'):
            with self.assertRaises(MissingMessageField):
                Message.from_json(text)

    def test_vumis(self) -> None:
        """Keys that are no field, as a peer of another version sends them, go to extra."""
        payload = {**user_message().payload, "odd": 1, "extra": {"mood": 2}}
        self.assertEqual({"odd": 1, "mood": 2}, from_payload(payload).extra)


@register
class Envelope(Message, tag="envelope_test"):
    needed: int


class Registering(SynchronousTestCase):
    def test_known(self) -> None:
        """A registered class is decoded; registering it again changes nothing."""
        before = registered()
        self.assertIn(Envelope, before)
        self.assertIs(Envelope, register(Envelope))
        self.assertEqual(before, registered())
        self.assertEqual(
            Envelope(needed=1).needed, from_payload(Envelope(needed=1).payload)["needed"]
        )

    def test_duplicate(self) -> None:
        """Two classes can't have one tag."""

        class Impostor(Message, tag="envelope_test"):
            pass

        with self.assertRaises(ValueError):
            register(Impostor)
        self.assertIn(Envelope, registered())
