"""Other addresses than those that are asked for."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipeline.errors import ConfigError
from pipeline.message import EventMessage, FailureMessage
from pipeline.middleware.address_translator import AddressTranslationMiddleware
from pipeline.middleware.base import BaseMiddleware
from pipeline.middleware.stack import MiddlewareStack
from tests.middleware.systems import Answering, Phone, SystemCase
from tests.workers import inbound


def made(listed: Any) -> AddressTranslationMiddleware:
    middleware = AddressTranslationMiddleware("addresses", {"outbound_map": listed}, None)
    middleware.setup_middleware()
    return middleware


class Addresses(SynchronousTestCase):
    def setUp(self) -> None:
        self.stack = MiddlewareStack([made({"555OUT": "555REAL"})])

    def passed(self, kind: str, message: Any) -> Any:
        return self.stack.consume(kind)(self.stack.publish(kind)(message, "c"), "c")

    def test_outbound(self) -> None:
        """Outbound messages go to the address that is listed, others where they would."""
        for asked, real in (("555OUT", "555REAL"), ("555OTHER", "555OTHER")):
            message = inbound(to_addr=asked, from_addr="555REAL")
            self.assertEqual(real, self.passed("outbound", message).to_addr)
            self.assertEqual("555REAL", message.from_addr)

    def test_inbound(self) -> None:
        """Inbound messages come from the address that was asked for, others from theirs."""
        for real, asked in (("555REAL", "555OUT"), ("555OTHER", "555OTHER")):
            message = inbound(from_addr=real, to_addr="555OUT")
            self.assertEqual(asked, self.passed("inbound", message).from_addr)
            self.assertEqual("555OUT", message.to_addr)

    def test_no_address(self) -> None:
        """A message to a group has no address, and passes."""
        self.assertIsNone(self.passed("outbound", inbound(to_addr=None)).to_addr)

    def test_others(self) -> None:
        """Events and failures are left as they are: there is no handler for them."""
        event = EventMessage(event_type="ack", user_message_id="1", sent_message_id="555OUT")
        failure = FailureMessage(message={"to_addr": "555OUT"}, reason="x")
        self.assertIs(event, self.passed("event", event))
        self.assertEqual("555OUT", self.passed("failure", failure).message["to_addr"])
        self.assertEqual(((), ()), tuple(self.stack.consume(k).steps for k in ("event", "failure")))

    def test_nothing_to_do(self) -> None:
        """An empty mapping is in no chain."""
        self.assertEqual((), MiddlewareStack([made({})]).publish("outbound").steps)

    def test_wrong(self) -> None:
        """The mapping is required, and of texts."""
        for options in ({}, {"outbound_map": ["a"]}, {"outbound_map": {"a": 27}}):
            with self.assertRaises(ConfigError) as caught:
                AddressTranslationMiddleware("a", options, None)
            self.assertIn("outbound_map", str(caught.exception))


class Where(SynchronousTestCase):
    """What the page says of the place in the list."""

    def seen(self, before: bool, inward: str, outward: str) -> list[Any]:
        """The addresses that a neighbour sees of an inbound and an outbound message."""
        seen: list[Any] = []

        class Neighbour(BaseMiddleware):
            def handle_inbound(self, message: Any, connector_name: str) -> Any:
                seen.append(message.from_addr)
                return message

            def handle_outbound(self, message: Any, connector_name: str) -> Any:
                seen.append(message.to_addr)
                return message

        listed = [made({"asked": "real"}), Neighbour("n", {}, None)]
        stack = MiddlewareStack(listed[::-1] if before else listed)
        getattr(stack, inward)("inbound", inbound(from_addr="real"), "c")
        getattr(stack, outward)("outbound", inbound(to_addr="asked"), "c")
        return seen

    def test_application(self) -> None:
        """In an application what stands after it sees the address that was asked for."""
        way = ("apply_consume", "apply_publish")
        self.assertEqual(["asked"] * 2, self.seen(False, *way))
        self.assertEqual(["real"] * 2, self.seen(True, *way))

    def test_transport(self) -> None:
        """In a transport what stands before it does."""
        way = ("apply_publish", "apply_consume")
        self.assertEqual(["asked"] * 2, self.seen(True, *way))
        self.assertEqual(["real"] * 2, self.seen(False, *way))


class Running(SystemCase):
    MIDDLEWARE = "pipeline.middleware.address_translator.AddressTranslationMiddleware"

    def test_conversation(self) -> None:
        """An application converses with an address that is none, through one that is."""
        phone = self.started(Phone, {"transport_name": "sms"})
        app = self.started(Answering, self.options(outbound_map={"+1555": "ada@example.org"}))
        self.say(phone, "hi", from_addr="ada@example.org")
        self.turn()
        self.assertEqual(["+1555"], [message.from_addr for message in app.got])
        self.assertEqual(["ada@example.org"], [message.to_addr for message in phone.sent])

    def test_ambiguous(self) -> None:
        """Where several addresses go to one, replies come from the one that is listed last."""
        phone = self.started(Phone, {"transport_name": "sms"})
        app = self.started(Answering, self.options(outbound_map={"+1": "real", "+2": "real"}))
        self.say(phone, "hi", from_addr="real")
        self.assertEqual(["+2"], [message.from_addr for message in app.got])
