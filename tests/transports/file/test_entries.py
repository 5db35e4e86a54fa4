"""Tests of pipeline.transports.file.entries."""

from __future__ import annotations

import json
from typing import Any

from twisted.trial.unittest import TestCase

from pipeline.errors import InvalidMessage, MissingMessageField
from pipeline.message import EventMessage, TaskMessage, UserMessage
from pipeline.transports.file.entries import Entries
from pipeline.transports.rules import Rule


class Messages(TestCase):
    """Lines become messages."""

    def message(self, line: Any, **options: Any) -> UserMessage:
        data = line if isinstance(line, bytes) else json.dumps(line).encode()
        return Entries("replay", **options).message(data, "the-id")

    def test_object(self) -> None:
        """Members are fields, the others go to ``extra``; what is missing is default."""
        message = self.message(
            {"content": "hi", "from_addr": 4179, "mood": "good"}, defaults={"to_addr": "shop"}
        )
        self.assertEqual(
            ("hi", "4179", "shop", "replay", "file", "the-id", {"mood": "good"}),
            (
                *(message.content, message.from_addr, message.to_addr, message.transport_name),
                *(message.transport_type, message.message_id, message.extra),
            ),
        )

    def test_fields(self) -> None:
        """Fields are found where the options say; nothing else is taken."""
        line = {"text": "hi", "user": {"phone": 41}, "content": "x", "message_type": "x", "at": 9}
        rules = {
            "content": Rule("text"),
            "from_addr": Rule("user.phone"),
            "to_addr": Rule("no.such"),
            "timestamp": Rule("at"),
            "extra.colour": Rule("colour", "blue"),
        }
        message = self.message(line, rules=rules, defaults={"to_addr": "shop"})
        self.assertEqual(
            ("hi", "41", "shop", 9), (*_said(message), round(message.timestamp.timestamp()))
        )
        self.assertEqual({"colour": "blue"}, message.extra)
        error = self.assertRaises(MissingMessageField, self.message, line, rules=rules)
        self.assertIn("'no.such' is missing", str(error))

    def test_recorded(self) -> None:
        """A whole message stays as it is, but that nobody waits for its reply any more."""
        fields = {
            "to_addr": "1",
            "from_addr": "2",
            "transport_name": "sms",
            "transport_type": "sms",
        }
        said = UserMessage(content="hi", session_event="new", **fields)
        said.transport_metadata = {"reply_instance": "gone", "connection": "gone", "cell": 7}
        message = self.message(said.to_json().encode())
        self.assertEqual(
            (said.message_id, said.timestamp, "new", {"cell": 7}, "replay"),
            (
                *(message.message_id, message.timestamp, message.session_event),
                *(message.transport_metadata, message.transport_name),
            ),
        )
        call = self.message(TaskMessage(task="t", args=[1], reply_to="gone").to_json().encode())
        self.assertEqual((TaskMessage, [1], None), (type(call), call.args, call.reply_to))

    def test_text(self) -> None:
        """By option a line is the content."""
        self.assertEqual("{caf\xe9", self.message("{caf\xe9".encode(), format="text").content)
        self.assertRaises(InvalidMessage, self.message, b"\xff", format="text")

    def test_shared(self) -> None:
        """Messages share no default that may change."""
        entries = Entries("replay", defaults={"helper_metadata": {"tags": []}})
        first, second = (entries.message(b"{}", "x") for _ in range(2))
        first.helper_metadata["tags"].append(1)
        self.assertEqual([], second.helper_metadata["tags"])

    def test_malformed(self) -> None:
        """What is no message is an error that says why."""
        event = EventMessage(event_type="ack", user_message_id="1", sent_message_id="1").to_json()
        for line, why in (
            (b"", "not JSON"),
            (b"{", "not JSON"),
            (b"[" * 100_000, "not JSON"),
            (b"\xff", "not JSON"),
            (b"[1]", "expected an object"),
            (b'{"content": [1]}', "content"),
            (b'{"content": true}', "content"),
            (b'{"timestamp": "yesterday"}', "timestamp"),
            (b'{"message_type": "no such"}', "message_type"),
            (event.encode(), "no inbound message"),
        ):
            error = self.assertRaises(InvalidMessage, self.message, line)
            self.assertIn(why, str(error))


def _said(message: UserMessage) -> tuple[str | None, ...]:
    return message.content, message.from_addr, message.to_addr
