from __future__ import annotations

from typing import Any

from pipeline.errors import ConfigError, PermanentFailure, QueueFull, TemporaryFailure
from pipeline.middleware.base import TransportMiddleware
from pipeline.transports.base import Transport
from tests.workers import WorkerCase, inbound

HERE = "tests.transports.test_base"


class Wire(Transport):
    """Sends to a list, or fails as it is told."""

    error: Exception | None = None

    async def setup_transport(self) -> None:
        self.sent: list[str] = []

    def teardown_transport(self) -> None:
        self.sent.append("closed")

    async def handle_outbound_message(self, message: Any) -> None:
        if self.error is not None:
            raise self.error
        self.sent.append(message.content)
        await self.publish_ack(message.message_id, "out there")


class Seen(TransportMiddleware):
    """Notes failures."""

    def handle_failure(self, message: Any, connector_name: str) -> Any:
        self.worker.failures = [message]
        return message


class TransportCase(WorkerCase):
    """Has a transport that runs."""

    def transport(self, cls: type[Transport] = Wire, **options: Any) -> Any:
        return self.running(cls, transport_name="sms", **options)


class Carrying(TransportCase):
    """A transport carries messages both ways."""

    def test_name(self) -> None:
        """Without a name there is no transport."""
        self.assertRaises(ConfigError, self.worker, Wire)

    def test_out(self) -> None:
        """An outbound message is sent, whatever its endpoint, and its ack published with it."""
        made = self.transport()
        message = inbound("bye")
        message.set_routing_endpoint("other")
        self.put("sms.outbound", message)
        self.assertEqual(["bye"], made.sent)
        [event] = self.taken("sms.event")
        self.assertEqual(
            (message.message_id, "ack", "out there"),
            (
                event.message.user_message_id,
                event.message.event_type,
                event.message.sent_message_id,
            ),
        )

    def test_full(self) -> None:
        """An inbound message fits into the queue's limit, or is dealt with as configured."""
        made = self.transport(max_depth=1, when_full="fail")
        said = {"content": "hi", "to_addr": "1", "from_addr": "2", "transport_type": "sms"}
        self.successResultOf(made.publish_message(**said))
        self.failureResultOf(made.publish_message(**said), QueueFull)
        self.assertEqual(1, self.depth("sms.inbound").waiting)

    def test_in(self) -> None:
        """An inbound message is published under the transport's name."""
        made = self.transport()
        self.successResultOf(
            made.publish_message(content="hi", to_addr="1", from_addr="2", transport_type="sms")
        )
        [delivery] = self.taken("sms.inbound")
        self.assertEqual("sms", delivery.message.transport_name)

    def test_events(self) -> None:
        """Nacks and delivery reports are events."""
        made = self.transport()
        self.successResultOf(made.publish_nack("m", "no"))
        self.successResultOf(made.publish_delivery_report("m", "delivered"))
        events = [delivery.message.status() for delivery in self.taken("sms.event")]
        self.assertEqual(["nack", "delivery_report.delivered"], events)

    def test_status(self) -> None:
        """Status is published only if that is configured."""
        status = {"component": "line", "status": "ok", "type": "up", "message": "up"}
        self.successResultOf(self.transport().publish_status(**status))
        self.assertEqual([], self.taken("sms.status"))

    def test_status_wanted(self) -> None:
        """It is on the status queue then."""
        status = {"component": "line", "status": "ok", "type": "up", "message": "up"}
        self.successResultOf(self.transport(publish_status=True).publish_status(**status))
        self.assertEqual("line", self.taken("sms.status")[0].message.component)

    def test_not_overridden(self) -> None:
        """A transport that can't send says so; nothing is lost."""
        self.transport(Transport)
        self.put("sms.outbound", inbound())
        self.assertEqual(1, self.depth("sms.outbound").delayed)


class Failing(TransportCase):
    """A message that can't be sent is tried again, then told as a failure, once."""

    def failing(self, error: Exception, **options: Any) -> Any:
        made = self.transport(
            middleware=[{"seen": f"{HERE}.Seen"}], retry={"attempts": 2, "jitter": 0}, **options
        )
        made.error, made.failures = error, []
        self.put("sms.outbound", inbound("lost"))
        return made

    def test_permanent(self) -> None:
        """A final failure passes the failure middleware; there is no unread queue of them."""
        made = self.failing(PermanentFailure("no such user"))
        [failure] = made.failures
        self.assertEqual("permanent", failure.failure_code)
        self.assertEqual("lost", failure.message["content"])
        self.assertIn("no such user", failure.reason)
        self.assertEqual(0, self.depth("sms.failures").waiting)
        self.assertEqual(1, self.depth("sms.outbound").dead)

    def test_temporary(self) -> None:
        """One that may succeed later is no failure until its attempts are used up."""
        made = self.failing(TemporaryFailure("line busy"))
        self.assertEqual([], made.failures)
        self.clock.advance(1)
        self.assertEqual(["temporary"], [failure.failure_code for failure in made.failures])

    def test_published(self) -> None:
        """With ``publish_failures`` it is on the failures queue too."""
        self.failing(PermanentFailure("no such user"), publish_failures=True)
        [delivery] = self.taken("sms.failures")
        self.assertEqual("lost", delivery.message.message["content"])
