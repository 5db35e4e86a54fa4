"""What Vumi's transports promise (0.6.19, ``vumi.transports.base``) that isn't said elsewhere."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import fail

from pipeline.errors import InvalidMessageField, MissingMessageField, TemporaryFailure, UnknownTask
from pipeline.middleware.base import TransportMiddleware
from pipeline.outcome import DeadLetter
from pipeline.transports.base import Transport
from tests.transports.test_base import TransportCase
from tests.workers import inbound

HERE = "tests.transports.test_vumi_contract"


class Stamp(TransportMiddleware):
    """Notes the kind of all that goes out."""

    def handle_publish_inbound(self, message: Any, connector_name: str) -> Any:
        message.helper_metadata["stamp"] = f"inbound {connector_name}"
        return message

    def handle_publish_event(self, event: Any, connector_name: str) -> Any:
        event.helper_metadata["stamp"] = f"event {connector_name}"
        return event

    def handle_publish_status(self, status: Any, connector_name: str) -> Any:
        status.helper_metadata["stamp"] = f"status {connector_name}"
        return status

    def handle_publish_failure(self, failure: Any, connector_name: str) -> Any:
        failure.helper_metadata["stamp"] = f"failure {connector_name}"
        return failure


class Told(Transport):
    """Does with a message what a test says."""

    def told(self, message: Any) -> Any:
        """Overridden by tests."""

    def handle_outbound_message(self, message: Any) -> Any:
        return self.told(message)


class Coded(Exception):
    """Another's exception, with a code of its own."""

    failure_code = "temporary"


STATUS = {"component": "line", "status": "down", "type": "gone", "message": "no line"}


class Publishing(TransportCase):
    """Each kind is made with the transport's defaults, and passes its middleware."""

    def stamped(self, **options: Any) -> Any:
        return self.transport(Told, middleware=[{"s": f"{HERE}.Stamp"}], **options)

    def one(self, kind: str) -> Any:
        (delivery,) = self.taken(f"sms.{kind}")
        return delivery.message

    def test_message(self) -> None:
        """publish_message."""
        fields = {"to_addr": "1", "from_addr": "2", "transport_type": "sms"}
        given = self.successResultOf(self.stamped().publish_message(content="x", **fields))
        message = self.one("inbound")
        self.assertEqual((given.message_id, "sms"), (message.message_id, message.transport_name))
        self.assertEqual({}, message.transport_metadata)
        self.assertEqual("inbound sms", message.helper_metadata["stamp"])

    def test_ack(self) -> None:
        """publish_ack(user_message_id, sent_message_id)."""
        self.successResultOf(self.stamped().publish_ack("m", "s"))
        event = self.one("event")
        self.assertEqual(("ack", "m", "s"), _told(event, "sent_message_id"))
        self.assertEqual("event sms", event.helper_metadata["stamp"])
        self.assertEqual(("sms", {}), (event.transport_name, event.transport_metadata))

    def test_nack(self) -> None:
        """publish_nack(user_message_id, reason)."""
        self.successResultOf(self.stamped().publish_nack("m", reason="r", helper_metadata={"a": 1}))
        event = self.one("event")
        self.assertEqual(("nack", "m", "r"), _told(event, "nack_reason"))
        self.assertEqual(1, event.helper_metadata["a"])

    def test_report(self) -> None:
        """publish_delivery_report(user_message_id, delivery_status), of a known status."""
        made = self.stamped()
        for status in ("pending", "failed", "delivered"):
            self.successResultOf(made.publish_delivery_report("m", status))
        reports = [_told(each.message, "delivery_status") for each in self.taken("sms.event")]
        self.assertEqual(
            [("delivery_report", "m", each) for each in ("pending", "failed", "delivered")], reports
        )
        self.assertRaises(InvalidMessageField, made.publish_delivery_report, "m", "lost")

    def test_status(self) -> None:
        """publish_status, if that is configured; all its fields are required."""
        made = self.stamped(publish_status=True)
        self.successResultOf(made.publish_status(**STATUS))
        self.assertEqual("status sms", self.one("status").helper_metadata["stamp"])
        self.assertRaises(MissingMessageField, made.publish_status, component="line")

    def test_ids(self) -> None:
        """generate_message_id makes ids."""
        ids = {Transport.generate_message_id() for _ in range(3)}
        self.assertEqual([32, 32, 32], [len(each) for each in ids])

    def test_endpoint(self) -> None:
        """An event about the message in hand has its routing metadata, and so the endpoint that
        it came from; others are for the default one."""
        made = self.stamped()

        async def told(message: Any) -> None:
            await made.publish_ack(message.message_id, "s")
            await made.publish_ack("another", "s")

        made.told = told
        message = inbound()
        message.set_routing_endpoint("chat")
        message.routing_metadata["way"] = ["there"]
        self.put("sms.outbound", message)
        events = [delivery.message for delivery in self.taken("sms.event")]
        self.assertEqual(["chat", "default"], [each.get_routing_endpoint() for each in events])
        self.assertEqual([["there"], None], [each.routing_metadata.get("way") for each in events])

    def test_immediately(self) -> None:
        """What must be said though the message fails, can be."""
        made = self.stamped(publish_status=True)

        async def told(message: Any) -> None:
            await made.publish_status(immediately=True, **STATUS)
            await made.publish_message(
                immediately=True, to_addr="1", from_addr="2", transport_type="sms"
            )
            await made.publish_nack(message.message_id, "no line", immediately=True)
            await made.publish_ack(message.message_id, "s")
            raise TemporaryFailure("no line")

        made.told = told
        self.put("sms.outbound", inbound())
        self.assertEqual("down", self.one("status").status)
        self.assertEqual("1", self.one("inbound").to_addr)
        self.assertEqual("nack", self.one("event").event_type)


class Failures(TransportCase):
    """A message that fails for good makes one failure message."""

    def failure_of(self, error: Exception, **options: Any) -> Any:
        """The failure message that an error makes."""
        made = self.transport(
            Told,
            middleware=[{"s": f"{HERE}.Stamp"}],
            publish_failures=True,
            retry={"attempts": 1},
            **options,
        )
        made.told = lambda message: fail(error)
        message = inbound("lost")
        self.put("sms.outbound", message)
        (delivery,) = self.taken("sms.failures")
        self.assertEqual(message.message_id, delivery.message.message["message_id"])
        self.successResultOf(made.stop_worker(0))
        return delivery.message

    def test_code(self) -> None:
        """Its code is the exception's ``failure_code``, if that is one."""
        strange = ValueError("x")
        strange.failure_code = "strange"  # type: ignore[attr-defined]  # as another library may
        for error, code in (
            (TemporaryFailure("x"), "temporary"),
            (UnknownTask("x"), "permanent"),
            (Coded("x"), "temporary"),
            (ValueError("x"), None),
            (strange, None),
        ):
            self.assertEqual(code, self.failure_of(error).failure_code)

    def test_reason(self) -> None:
        """Its reason is the traceback, and it has passed the failure middleware."""
        failure = self.failure_of(OSError("no line"))
        self.assertIn("Traceback", failure.reason)
        self.assertIn("OSError: no line", failure.reason)
        self.assertEqual("failure sms", failure.helper_metadata["stamp"])

    def test_without_error(self) -> None:
        """One that a handler gave up without an error tells the word that it gave."""
        made = self.transport(Told, publish_failures=True)
        made.told = lambda message: DeadLetter(reason="unwanted")
        self.put("sms.outbound", inbound())
        (delivery,) = self.taken("sms.failures")
        self.assertEqual(
            (None, "unwanted"), (delivery.message.failure_code, delivery.message.reason)
        )

    def test_goes_on(self) -> None:
        """The next message is handled as if nothing had been."""
        made = self.transport(Told, retry={"attempts": 1})
        sent: list[str] = []

        def told(message: Any) -> None:
            if message.content == "bad":
                raise ValueError("bad")
            sent.append(message.content)

        made.told = told
        self.put("sms.outbound", inbound("a"), inbound("bad"), inbound("b"))
        self.assertEqual(["a", "b"], sent)


def _told(event: Any, field: str) -> tuple[str, str, Any]:
    return event.event_type, event.user_message_id, getattr(event, field)
