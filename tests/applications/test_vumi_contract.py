"""What Vumi's applications promise (0.6.19, ``vumi.application.base``), if not said elsewhere."""

from __future__ import annotations

from typing import Any, ClassVar

from twisted.internet.defer import Deferred, succeed

from pipeline.applications.base import Application
from pipeline.config.problems import flattened
from pipeline.config.source import parse_document
from pipeline.errors import ConfigError, InvalidEndpoint
from pipeline.message import EventMessage
from tests.applications.test_base import ApplicationCase
from tests.workers import inbound


class Sessions(Application):
    """Has a handler of its own for each, in each form that a handler may have."""

    def setup_application(self) -> Deferred[None]:
        self.heard: list[tuple[str, Any]] = []
        return succeed(None)

    def note(self, what: str, message: Any) -> None:
        self.heard.append((what, message.session_event))

    async def consume_user_message(self, message: Any) -> None:
        self.note("message", message)
        await self.reply_to(message, "next?")

    def new_session(self, message: Any) -> Deferred[Any]:
        self.note("new", message)
        return self.reply_to(message, "welcome")

    def close_session(self, message: Any) -> None:
        self.note("close", message)


class Endpoints(Sessions):
    """Has two endpoints besides the default one."""

    ALLOWED_ENDPOINTS: ClassVar[frozenset[str] | None] = frozenset({"default", "sms", "ussd"})

    def consume_ack(self, event: Any) -> None:
        self.heard.append(("ack", event.get_routing_endpoint()))


class Silent(Application):
    """Overrides nothing."""


class Hurrying(Application):
    """Says something at once, and fails."""

    def consume_user_message(self, message: Any) -> None:
        self.reply_to(message, "wait a moment", immediately=True)
        self.reply_to_group(message, "all of you, too", immediately=True)
        self.send_to("ops", "look", immediately=True)
        self.reply_to(message, "done")
        raise ValueError("but it was not")


class ASession(ApplicationCase):
    """``session_event`` chooses, and a reply may close."""

    def test_each(self) -> None:
        """new and close have handlers of their own; resume and none are messages."""
        made = self.application(Sessions)
        for session_event in ("new", None, "resume", "close"):
            self.put("sms.inbound", inbound("x", session_event=session_event))
        self.assertEqual(
            [("new", "new"), ("message", None), ("message", "resume"), ("close", "close")],
            made.heard,
        )
        self.assertEqual(["welcome", "next?", "next?"], self.contents("sms.outbound"))

    def test_closing(self) -> None:
        """``continue_session=False`` closes, and else the event is none."""
        made = self.application(Sessions)
        self.successResultOf(made.reply_to(inbound(), "bye", continue_session=False))
        self.successResultOf(made.reply_to(inbound(), "and?"))
        self.successResultOf(made.reply_to_group(inbound(group="#g"), "bye all", False))
        events = [delivery.message.session_event for delivery in self.taken("sms.outbound")]
        self.assertEqual(["close", None, "close"], events)

    def test_silent(self) -> None:
        """An application that overrides nothing takes everything, and says nothing."""
        self.application(Silent)
        self.put("sms.inbound", inbound(), inbound(session_event="close"))
        fields = {"user_message_id": "m", "sent_message_id": "s", "nack_reason": "r"}
        for kind in EventMessage.EVENT_TYPES:
            self.put("sms.event", EventMessage(event_type=kind, delivery_status="failed", **fields))
        for queue in ("sms.inbound", "sms.event", "sms.outbound"):
            self.assertEqual((0, 0, 0, 0), tuple(self.depth(queue)))

    def test_reply_fields(self) -> None:
        """Fields of a reply may be given; those that the original decides may not."""
        made = self.application(Sessions)
        self.successResultOf(made.reply_to(inbound(), "x", helper_metadata={"a": 1}, colour="red"))
        (delivery,) = self.taken("sms.outbound")
        self.assertEqual({"a": 1}, delivery.message.helper_metadata)
        self.assertEqual("red", delivery.message["colour"])
        self.assertRaises(TypeError, made.reply_to, inbound(), "x", to_addr="other")


class AnEndpoint(ApplicationCase):
    """An application reads and sends on the endpoints that it says it has."""

    def test_read(self) -> None:
        """Messages and events of each of them are handled."""
        made = self.application(Endpoints)
        for endpoint in ("sms", "ussd", "other"):
            message = inbound(session_event="new")
            message.set_routing_endpoint(endpoint)
            event = EventMessage(user_message_id="m", event_type="ack", sent_message_id="s")
            event.set_routing_endpoint(endpoint)
            self.put("sms.inbound", message)
            self.put("sms.event", event)
        expected = [("new", "new"), ("ack", "sms"), ("new", "new"), ("ack", "ussd")]
        self.assertEqual(expected, made.heard)

    def test_send_to(self) -> None:
        """``send_to`` uses the options of its endpoint, which what is given goes before."""
        made = self.application(
            Endpoints,
            send_to={
                "sms": {
                    "transport_name": "sms",
                    "from_addr": "8000",
                    "transport_metadata": {"a": 1},
                },
                "ussd": {"transport_name": "ussd"},
            },
        )
        self.successResultOf(made.send_to("+27", "news", endpoint="sms", from_addr="9"))
        self.successResultOf(made.send_to("+27", "news", endpoint="ussd"))
        self.successResultOf(made.send_to("+27", "news"))
        sent = [delivery.message for delivery in self.taken("sms.outbound")]
        self.assertEqual(
            [("sms", "sms", "9"), ("ussd", "ussd", None), ("default", None, None)],
            [(m.get_routing_endpoint(), m.transport_name, m.from_addr) for m in sent],
        )
        self.assertIs(None, sent[0].in_reply_to)

    def test_options_are_copied(self) -> None:
        """What middleware changes in one message isn't in the next."""
        made = self.application(send_to={"default": {"helper_metadata": {"a": []}}})
        first = self.successResultOf(made.send_to("+27", "x"))
        first.helper_metadata["a"].append(1)
        second = self.successResultOf(made.send_to("+27", "x"))
        self.assertEqual({"a": []}, second.helper_metadata)

    def test_others(self) -> None:
        """Another endpoint is refused, and the message says whose it isn't."""
        made = self.application(Endpoints)
        error = self.assertRaises(InvalidEndpoint, made.send_to, "+27", "x", endpoint="smss")
        self.assertIn("'smss'", str(error))

    def test_configuration(self) -> None:
        """Options for an endpoint that it hasn't, or of another form, are an error where they are
        written."""
        text = "transport_name: t\nsend_to:\n  smss: {}\n  default: sms\n"
        for file, expected in (
            (
                text.replace("sms\n", "{}\n"),
                ["s.yaml:3:3: send_to: Endpoints has no endpoint 'smss' (did you mean 'sms'?)"],
            ),
            (text, ["s.yaml:4:12: send_to: default: expected a mapping of fields, got 'sms'"]),
        ):
            data = parse_document(file, "s.yaml").data
            error = self.assertRaises(ConfigError, Endpoints, "app", data, self.runtime)
            self.assertEqual(expected, [str(each) for each in flattened(error)])


class AtOnce(ApplicationCase):
    """What is said ``immediately`` doesn't wait for the settlement."""

    def test_immediately(self) -> None:
        """It goes out though the handler fails; the rest doesn't."""
        self.application(Hurrying, send_to={"default": {"transport_name": "sms"}})
        self.put("sms.inbound", inbound())
        self.assertEqual(
            ["wait a moment", "all of you, too", "look"], self.contents("sms.outbound")
        )
