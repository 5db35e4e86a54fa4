"""A message is read from what somebody typed."""

from __future__ import annotations

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipeline.codec import MAX_BYTES
from pipeline.errors import ConfigError
from pipeline.explain.trace.given import Given
from pipeline.message import EventMessage, FailureMessage, StatusMessage, TaskMessage, UserMessage
from pipeline.testing import MessageHelper


class Reading(SynchronousTestCase):
    """From JSON to a whole message."""

    def read(self, fields: Any, kind: str | None = None) -> Given:
        return Given.read(json.dumps(fields), kind)

    def test_defaults(self) -> None:
        """What is left out gets a default, also the connector's name; what is given stays."""
        message = self.read({"content": "hi", "from_addr": "ada"}).message("sms")
        assert isinstance(message, UserMessage)
        self.assertEqual(
            ("hi", "ada", "sms"), (message.content, message.from_addr, message.transport_name)
        )

    def test_kinds(self) -> None:
        """The kind is asked for, or told by the type, or by a field that only one type has."""
        for fields, kind, travels, made in (
            ({}, None, "inbound", UserMessage),
            ({}, "outbound", "outbound", UserMessage),
            ({}, "event", "event", EventMessage),
            ({}, "status", "status", StatusMessage),
            ({}, "failure", "failure", FailureMessage),
            ({"task": "add"}, None, "task", TaskMessage),
            ({"task": "add"}, "task", "task", TaskMessage),
            ({"event_type": "nack"}, None, "event", EventMessage),
            ({"event_type": "delivery_report"}, None, "event", EventMessage),
            ({"component": "modem"}, None, "status", StatusMessage),
            ({"reason": "no"}, None, "failure", FailureMessage),
        ):
            given = self.read(fields, kind)
            self.assertEqual(travels, given.kind, fields)
            self.assertIs(made, type(given.message("sms")))
        self.assertEqual("inbound", self.read({"task": "add"}).queue_kind)

    def test_wire(self) -> None:
        """Any message of the wire comes out as it went in, Vumi's names included."""
        helper = MessageHelper()
        for message in (helper.make_inbound("hi"), helper.make_ack(), helper.make_status()):
            given = Given.read(message.to_json())
            self.assertEqual(message.payload, given.message("other").payload)
        vumi = {"message_type": "failure_message", "message": {}, "reason": "no"}
        self.assertEqual("failure", self.read(vumi).kind)

    def test_wrong(self) -> None:
        """What is no message is refused, and it is said how one looks."""
        for text, kind, words in (
            ("{", None, "no JSON"),
            ("[]", None, "expected an object"),
            ('{"message_type": "letter"}', None, "letter"),
            ('{"content": 3}', None, "content"),
            ('{"event_type": "lost"}', None, "event_type"),
            ('{"event_type": null}', None, "event_type"),
            ('{"event_type": {}}', None, "event_type must be a text"),
            ('{"message_type": []}', None, "message_type must be a text"),
            ('{"task": []}', None, "task must be a text"),
            ("{}", "task", "task.task is required"),
            ('{"transport_name": 3}', None, "transport_name must be a text"),
            ('{"message_type": "event"}', "inbound", "does not travel as inbound"),
            ("[" * 100_000, None, "no JSON"),
            (b"\xff", None, "no JSON"),
            (b" " * (MAX_BYTES + 1), None, "over the limit"),
        ):
            with self.assertRaises(ConfigError) as caught:
                Given.read(text, kind).message("sms")
            self.assertIn(words, str(caught.exception))
            self.assertIn('{"content": "hi"}', str(caught.exception))
