from __future__ import annotations

from typing import Any

from pipeline.applications.base import Application
from pipeline.codec import Codec
from pipeline.errors import InvalidEndpoint, PermanentFailure
from pipeline.message import EventMessage
from pipeline.tasks import task
from tests.workers import WorkerCase, inbound, nack


class Talk(Application):
    """Notes what it is given."""

    async def setup_application(self) -> None:
        self.heard: list[tuple[str, Any]] = []

    def consume_user_message(self, message: Any) -> Any:
        self.heard.append(("message", message.content))
        return self.reply_to(message, f"you said {message.content}")

    async def close_session(self, message: Any) -> None:
        self.heard.append(("close", message.content))

    def consume_ack(self, event: Any) -> None:
        self.heard.append(("ack", event.sent_message_id))

    def consume_nack(self, event: Any) -> None:
        self.heard.append(("nack", event.nack_reason))

    def consume_delivery_report(self, event: Any) -> None:
        self.heard.append(("report", event.delivery_status))


class Open(Talk):
    """Takes messages of any endpoint."""

    ALLOWED_ENDPOINTS = None


class ApplicationCase(WorkerCase):
    """Has an application that runs."""

    def application(self, cls: type[Application] = Talk, **options: Any) -> Any:
        return self.running(cls, transport_name="sms", **options)


class Consuming(ApplicationCase):
    """Messages and events reach the hook that they are for."""

    def test_sessions(self) -> None:
        """The session's event chooses; the first message is like any other by default."""
        made = self.application()
        for session_event in (None, "new", "resume", "close"):
            self.put("sms.inbound", inbound(str(session_event), session_event=session_event))
        expected = [("message", "None"), ("message", "new"), ("message", "resume")]
        self.assertEqual([*expected, ("close", "close")], made.heard)

    def test_events(self) -> None:
        """The type of an event chooses."""
        made = self.application()
        ack = EventMessage(user_message_id="m", event_type="ack", sent_message_id="s")
        report = EventMessage(
            user_message_id="m", event_type="delivery_report", delivery_status="pending"
        )
        self.put("sms.event", ack, nack(inbound()), report)
        self.assertEqual([("ack", "s"), ("nack", "no money"), ("report", "pending")], made.heard)

    def test_unknown_event(self) -> None:
        """An event of another type is logged, and no error."""
        made = self.application()
        event = nack(inbound())
        event.event_type = "strange"
        made.dispatch_event(event)
        self.assertEqual([], made.heard)

    def test_endpoints(self) -> None:
        """Only messages for endpoints that it has reach it, or all if it has any."""
        message = inbound()
        message.set_routing_endpoint("other")
        made = self.application()
        self.put("sms.inbound", message)
        self.assertEqual([], made.heard)
        self.successResultOf(made.stop_worker(0))
        made = self.application(Open)
        self.put("sms.inbound", message)
        self.assertEqual([("message", "hi")], made.heard)


class Publishing(ApplicationCase):
    """What an application says."""

    def test_reply(self) -> None:
        """A reply goes back to the user, on the endpoint that the message came from."""
        self.application(Open)
        message = inbound()
        message.set_routing_endpoint("other")
        self.put("sms.inbound", message)
        [delivery] = self.taken("sms.outbound")
        reply = delivery.message
        self.assertEqual(("you said hi", "+27"), (reply.content, reply.to_addr))
        self.assertEqual("other", reply.get_routing_endpoint())
        self.assertEqual(message.message_id, reply.in_reply_to)

    def test_reply_outside(self) -> None:
        """A message that is in nobody's hand can be answered too; at once."""
        made = self.application()
        self.successResultOf(made.reply_to(inbound(), "bye", continue_session=False))
        [delivery] = self.taken("sms.outbound")
        self.assertEqual("close", delivery.message.session_event)

    def test_reply_group(self) -> None:
        """A reply to a group has no single user."""
        made = self.application()
        self.successResultOf(made.reply_to_group(inbound(group="#room"), "all"))
        [delivery] = self.taken("sms.outbound")
        self.assertEqual((None, "#room"), (delivery.message.to_addr, delivery.message.group))

    def test_send_to(self) -> None:
        """A message that answers nothing has the endpoint's configured fields."""
        made = self.application(send_to={"default": {"transport_name": "sms", "from_addr": "1"}})
        self.successResultOf(made.send_to("+27", "news", from_addr="2"))
        [delivery] = self.taken("sms.outbound")
        sent = delivery.message
        self.assertEqual(("+27", "2", "sms"), (sent.to_addr, sent.from_addr, sent.transport_name))

    def test_send_to_elsewhere(self) -> None:
        """An endpoint that it doesn't have is refused."""
        made = self.application()
        self.assertRaises(InvalidEndpoint, made.send_to, "+27", "news", "other")


@task(queue="mail")
async def post(address: str) -> None:
    """Never run here."""


class Calling(Talk):
    """Calls a task for each message, and fails if the message says so."""

    async def consume_user_message(self, message: Any) -> None:
        await post.send(message.from_addr)
        if message.content == "fail":
            raise PermanentFailure("as asked")


class Failing(Talk):
    """Fails for good."""

    def consume_user_message(self, message: Any) -> None:
        raise PermanentFailure("as always")


class Failures(ApplicationCase):
    """Who waits for an answer is told that there will be none."""

    def test_awaited(self) -> None:
        """The process that waits is answered when its message becomes a dead letter."""
        self.application(Failing)
        asked = inbound("please", transport_metadata={"reply_instance": "web-1"})
        self.put("sms.inbound", asked)
        (delivery,) = self.taken("sms.outbound@web-1")
        answer = Codec().decode(delivery.payload)
        self.assertEqual((asked.message_id, "failed"), (answer.in_reply_to, answer.status))
        self.assertEqual("PermanentFailure: as always", answer.error)
        self.assertEqual(1, self.depth("sms.inbound").dead)

    def test_not_awaited(self) -> None:
        """Nothing is sent to who doesn't wait."""
        self.application(Failing)
        self.put("sms.inbound", inbound("please"))
        self.assertEqual(0, self.depth("sms.outbound").waiting)
        self.assertEqual(1, self.depth("sms.inbound").dead)


class Tasks(ApplicationCase):
    """A handler may send tasks, as it may send messages."""

    def test_staged(self) -> None:
        """A task that a handler sends is enqueued when its message is settled."""
        self.application(Calling)
        self.put("sms.inbound", inbound("please"))
        (delivery,) = self.taken("mail.inbound")
        call = Codec().decode(delivery.payload)
        self.assertEqual((post.name, ["+27"]), (call.task, call.args))

    def test_failed(self) -> None:
        """A handler that fails has sent no task."""
        self.application(Calling)
        self.put("sms.inbound", inbound("fail"))
        self.assertEqual(0, self.depth("mail.inbound").waiting)
        self.assertEqual(1, self.depth("sms.inbound").dead)
