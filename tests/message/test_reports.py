"""Events, statuses, failures."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipeline.errors import InvalidMessageField, MissingMessageField
from pipeline.message import EventMessage, FailureMessage, Message, StatusMessage

ACK: dict[str, Any] = {"event_type": "ack", "user_message_id": "u", "sent_message_id": "s"}
NACK: dict[str, Any] = {"event_type": "nack", "user_message_id": "u", "nack_reason": "no"}
REPORT: dict[str, Any] = {
    "event_type": "delivery_report",
    "user_message_id": "u",
    "delivery_status": "failed",
}
STATUS: dict[str, Any] = {"component": "c", "status": "ok", "type": "t", "message": "m"}
FAILURE: dict[str, Any] = {"message": {"content": "x"}, "reason": "Traceback"}


class Checks(SynchronousTestCase):
    def without_each(self, cls: type[Message], fields: dict[str, Any]) -> None:
        for name in fields:
            rest = {key: value for key, value in fields.items() if key != name}
            with self.assertRaises(MissingMessageField) as caught:
                cls(**rest)
            self.assertIn(name, str(caught.exception))

    def refused(self, cls: type[Message], fields: dict[str, Any], **wrong: Any) -> None:
        with self.assertRaises(InvalidMessageField) as caught:
            cls(**{**fields, **wrong})
        self.assertIn(next(iter(wrong)), str(caught.exception))


class Events(Checks):
    def test_status(self) -> None:
        """An event says in a word what happened."""
        words = [EventMessage(**fields).status() for fields in (ACK, NACK, REPORT)]
        self.assertEqual(["ack", "nack", "delivery_report.failed"], words)

    def test_required(self) -> None:
        """Each type of event has its required fields."""
        for fields in (ACK, NACK, REPORT):
            self.without_each(EventMessage, fields)

    def test_values(self) -> None:
        """Types of event and statuses of delivery are those that Vumi knows."""
        self.refused(EventMessage, ACK, event_type="shrug")
        self.refused(EventMessage, ACK, event_type=["ack"])
        self.refused(EventMessage, REPORT, delivery_status="eaten")

    def test_own_id(self) -> None:
        """Every event has an id of its own."""
        self.assertNotEqual(EventMessage(**ACK).event_id, EventMessage(**ACK).event_id)


class Statuses(Checks):
    def test_checks(self) -> None:
        """A status names component, status, type and message; its status is one of three."""
        self.without_each(StatusMessage, STATUS)
        self.refused(StatusMessage, STATUS, status="fine")
        self.assertEqual(
            ([], {}), (StatusMessage(**STATUS).reasons, StatusMessage(**STATUS).details)
        )


class Failures(Checks):
    def test_checks(self) -> None:
        """A failure has the payload that failed and a reason; its code may be left out."""
        self.without_each(FailureMessage, FAILURE)
        self.refused(FailureMessage, FAILURE, failure_code="odd")
        self.assertIsNone(FailureMessage(**FAILURE).failure_code)
        self.assertEqual(
            "x", FailureMessage(**FAILURE, failure_code="temporary").message["content"]
        )
