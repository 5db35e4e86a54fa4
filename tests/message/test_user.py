"""User messages, tasks, results, and how they answer each other."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipeline import message as module
from pipeline.errors import InvalidMessageField, MissingMessageField
from pipeline.message import (
    EventMessage,
    ResultMessage,
    StatusMessage,
    TaskMessage,
    UserMessage,
    id_source,
)

FIELDS: dict[str, Any] = {
    "to_addr": "*120#",
    "from_addr": "+27",
    "transport_name": "ussd",
    "transport_type": "ussd",
}


class FakeDelivery:
    def next_id(self) -> str:
        return "derived"


class UserMessages(SynchronousTestCase):
    def test_required(self) -> None:
        """Addresses and transport must be given, though they may be None."""
        for name in FIELDS:
            with self.assertRaises(MissingMessageField) as caught:
                UserMessage(**{key: value for key, value in FIELDS.items() if key != name})
            self.assertIn(f"user_message.{name}", str(caught.exception))
            self.assertIsNone(UserMessage(**{**FIELDS, name: None})[name])

    def test_text(self) -> None:
        """Addresses, transport and content are text: anything else is refused at once."""
        for name in (*FIELDS, "content"):
            with self.assertRaises(InvalidMessageField):
                UserMessage(**{**FIELDS, name: 27})

    def test_session_event(self) -> None:
        """The session event is None, new, resume or close."""
        for event in UserMessage.SESSION_EVENTS:
            self.assertEqual(event, UserMessage(**FIELDS, session_event=event).session_event)
        for wrong in ("open", ["new"], 1):
            with self.assertRaises(InvalidMessageField):
                UserMessage(**FIELDS, session_event=wrong)  # type: ignore[arg-type]

    def test_user(self) -> None:
        """The user is who sent the message."""
        self.assertEqual("+27", UserMessage(**FIELDS).user())

    def test_awaited(self) -> None:
        """An answer is awaited by a request that waits, or where a callback was left."""
        self.assertFalse(UserMessage(**FIELDS).is_awaited)
        for name in ("reply_instance", "callback"):
            metadata = {name: "x"}
            self.assertTrue(UserMessage(**FIELDS, transport_metadata=metadata).is_awaited)

    def test_constants(self) -> None:
        """Kinds of transport and of address that have a name; others are no error."""
        self.assertEqual(("sms", "msisdn"), (UserMessage.TT_SMS, UserMessage.AT_MSISDN))
        for prefix, known in (("TT_", "TRANSPORT_TYPES"), ("AT_", "ADDRESS_TYPES")):
            named = {getattr(UserMessage, n) for n in dir(UserMessage) if n.startswith(prefix)}
            self.assertEqual(named, getattr(UserMessage, known))
        message = UserMessage(**{**FIELDS, "transport_type": "pigeon"})
        self.assertEqual("pigeon", message.transport_type)

    def test_generate_id(self) -> None:
        """An id may be had before the message is made."""
        self.assertEqual(32, len(UserMessage.generate_id()))

    def test_vumis_names(self) -> None:
        """The kinds have Vumi's names too."""
        named = (module.TransportUserMessage, module.TransportEvent, module.TransportStatus)
        self.assertEqual((UserMessage, EventMessage, StatusMessage), named)


class Replies(SynchronousTestCase):
    def setUp(self) -> None:
        self.message = UserMessage(
            **FIELDS,
            group="#chan",
            provider="mtn",
            transport_metadata={"id": [1]},
            helper_metadata={"tag": {"x": 1}},
        )
        self.message.set_routing_endpoint("shop")

    def test_fields(self) -> None:
        """A reply goes back the way the message came."""
        reply = self.message.reply("hi")
        self.assertEqual(
            ("+27", "*120#", "hi", "#chan", "mtn", "ussd", "ussd", self.message.message_id, None),
            (
                *(reply.to_addr, reply.from_addr, reply.content, reply.group, reply.provider),
                *(reply.transport_name, reply.transport_type, reply.in_reply_to),
                reply.session_event,
            ),
        )
        self.assertEqual("shop", reply.get_routing_endpoint())
        self.assertNotEqual(self.message.message_id, reply.message_id)

    def test_metadata(self) -> None:
        """A reply has the message's metadata, but shares none of it."""
        reply = self.message.reply("hi")
        self.assertEqual(self.message.transport_metadata, reply.transport_metadata)
        reply.transport_metadata["id"].append(2)
        reply.helper_metadata["tag"]["x"] = 2
        self.assertEqual({"id": [1]}, self.message.transport_metadata)
        self.assertEqual({"tag": {"x": 1}}, self.message.helper_metadata)

    def test_session(self) -> None:
        """Not continuing closes the session; an explicit session event wins."""
        self.assertEqual("close", self.message.reply("bye", False).session_event)
        reply = self.message.reply("bye", continue_session=False, session_event="resume")
        self.assertEqual("resume", reply.session_event)

    def test_protected(self) -> None:
        """What the original decides can't be overridden; Vumi let two of these through."""
        for name in (
            *("to_addr", "from_addr", "group", "in_reply_to", "provider"),
            *("transport_name", "transport_type", "transport_metadata"),
        ):
            with self.assertRaises(TypeError) as caught:
                self.message.reply("hi", True, **{name: None})
            self.assertIn(name, str(caught.exception))

    def test_more_fields(self) -> None:
        """Other fields may be given, and keys that are no field."""
        reply = self.message.reply("hi", message_id="m", mood="good", extra={"a": 1})
        self.assertEqual(("m", {"a": 1, "mood": "good"}), (reply.message_id, reply.extra))

    def test_group(self) -> None:
        """A reply to the group is for nobody in it; without a group it is a plain reply."""
        self.assertIsNone(self.message.reply_group("all").to_addr)
        self.message.group = None
        self.assertEqual("+27", self.message.reply_group("you", False).to_addr)

    def test_send(self) -> None:
        """send() makes a message that answers nothing and knows its transport only if told."""
        sent = UserMessage.send("+27", "hi", transport_type="sms", helper_metadata={"a": 1}, b=2)
        self.assertEqual(("+27", "hi", "sms", None), (*_some(sent), sent.in_reply_to))
        self.assertEqual((None, None, {"b": 2}), (sent.from_addr, sent.transport_name, sent.extra))


def _some(message: UserMessage) -> tuple[Any, ...]:
    return message.to_addr, message.content, message.transport_type


class Ids(SynchronousTestCase):
    def test_delivery(self) -> None:
        """The id of a reply comes from the delivery of what it answers, unless one is given."""
        message = UserMessage(**FIELDS)
        message._delivery = FakeDelivery()
        self.assertEqual("derived", message.reply("hi").message_id)
        self.assertEqual("mine", message.reply("hi", message_id="mine").message_id)

    def test_source(self) -> None:
        """Where a source of ids is set, all new messages take theirs from it."""
        token = id_source.set(FakeDelivery())
        self.addCleanup(id_source.reset, token)
        self.assertEqual("derived", UserMessage(**FIELDS).message_id)
        self.assertEqual("derived", UserMessage.send("+27", "x").message_id)
        event = EventMessage(event_type="ack", user_message_id="u", sent_message_id="s")
        self.assertEqual("derived", event.event_id)


class Tasks(SynchronousTestCase):
    def setUp(self) -> None:
        self.call = TaskMessage(task="app.add", args=[1], kwargs={"b": 2}, reply_to="web")

    def test_required(self) -> None:
        """A call names its task, as text; who and where are optional."""
        with self.assertRaises(MissingMessageField):
            TaskMessage()
        with self.assertRaises(InvalidMessageField):
            TaskMessage(task=5)  # type: ignore[arg-type]
        self.assertEqual(("", ""), (self.call.to_addr, self.call.transport_name))

    def test_result(self) -> None:
        """A result answers its call and carries the value."""
        result = self.call.result({"sum": 3})
        self.assertIsInstance(result, ResultMessage)
        self.assertEqual(self.call.message_id, result.in_reply_to)
        self.assertEqual(("finished", {"sum": 3}), (result.status, result.value))

    def test_failed(self) -> None:
        """A failed call says what and where; a cancelled one why."""
        failed = self.call.failed("KeyError: 'x'", "Traceback ..")
        self.assertEqual(
            ("failed", "KeyError: 'x'", "Traceback .."),
            (failed.status, failed.error, failed.traceback),
        )
        cancelled = self.call.cancelled("too late")
        self.assertEqual(("cancelled", "too late"), (cancelled.status, cancelled.error))

    def test_derived_id(self) -> None:
        """A result takes its id from the call's delivery."""
        self.call._delivery = FakeDelivery()
        self.assertEqual("derived", self.call.result().message_id)

    def test_reply(self) -> None:
        """A call can be answered with text, like any user message."""
        self.assertIs(UserMessage, type(self.call.reply("thanks")))

    def test_result_checks(self) -> None:
        """A result names its call and one of three statuses."""
        with self.assertRaises(MissingMessageField):
            ResultMessage(status="finished")
        with self.assertRaises(InvalidMessageField):
            ResultMessage(in_reply_to="x", status="running")
