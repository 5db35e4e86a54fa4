"""The middleware that logs."""

from __future__ import annotations

from copy import copy
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from twisted.logger import Logger, LogLevel, formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from pipeline.errors import ConfigError
from pipeline.message import EventMessage, FailureMessage, UserMessage
from pipeline.middleware.families import KINDS
from pipeline.middleware.logging import LoggingMiddleware
from pipeline.middleware.stack import MiddlewareStack
from pipeline.requests import Request, Response

MESSAGE = UserMessage(to_addr="a", from_addr="b", transport_name="t", transport_type="sms")


class Logging(SynchronousTestCase):
    def setUp(self) -> None:
        self.events: list[Any] = []
        observer: Any = self.events.append
        logger = Logger(observer=observer)
        patched = patch.object(LoggingMiddleware, "log", logger)
        patched.start()
        self.addCleanup(patched.stop)

    def made(self, **options: Any) -> LoggingMiddleware:
        middleware = LoggingMiddleware("log", options, SimpleNamespace(name="web"))
        middleware.setup_middleware()
        return middleware

    def test_text(self) -> None:
        """Each message is logged as JSON, with its kind, connector and way, and passes."""
        stack = MiddlewareStack([self.made()])
        for kind in KINDS:
            for apply, done in (
                (stack.apply_consume, "consumed"),
                (stack.apply_publish, "published"),
            ):
                self.events.clear()
                self.assertIs(MESSAGE, self.successResultOf(apply(kind, MESSAGE, "sms")))
                (event,) = self.events
                way = f"{kind} message for sms, {done} by web"
                expected = f"Processed {way}: {MESSAGE.to_json()}"
                self.assertEqual(expected, formatEvent(event))
                told = (event["kind"], event["connector"], event["json"])
                self.assertEqual((kind, "sms", MESSAGE.to_json()), told)

    def test_requests(self) -> None:
        """Of a request for a view no cookie, credential or body is logged; it passes as it is."""
        secrets = {"Cookie": "session=s3cret", "Authorization": "Bearer s3cret", "Host": "shop"}
        fields = Request("POST", "/log-in", "", secrets, b"password=s3cret").to_fields()
        request = copy(MESSAGE)
        request.extra = {"http": fields, "more": 1}
        response = Response("s3cret")
        response.set_cookie("session", "s3cret")
        reply = request.reply(None, http=response.to_fields())
        failure = FailureMessage(message=request.payload, reason="x")
        for message in (request, reply, failure):
            before = message.to_json()
            self.assertIs(message, self.made().handle_consume_inbound(message, "web"))
            self.assertEqual(before, message.to_json())
            self.assertNotIn("s3cret", formatEvent(self.events[-1]))
            self.assertIn('"http":{', formatEvent(self.events[-1]))
        self.assertIn('["Host","shop"]', formatEvent(self.events[0]))
        self.assertIn('"more":1', formatEvent(self.events[0]))

    def test_levels(self) -> None:
        """Failures are errors and the rest is info, unless configured."""
        cases: list[tuple[dict[str, str], Any, Any]] = [
            ({}, LogLevel.info, LogLevel.error),
            ({"log_level": "DEBUG", "failure_log_level": "warning"}, LogLevel.debug, LogLevel.warn),
        ]
        for options, usual, failure in cases:
            self.events.clear()
            middleware = self.made(**options)
            middleware.handle_consume_event("m", "c")
            middleware.handle_consume_failure("m", "c")
            self.assertEqual([usual, failure], [event["log_level"] for event in self.events])

    def test_unknown_level(self) -> None:
        """A level that isn't one is an error at setup, which names the option."""
        for option in ("log_level", "failure_log_level"):
            with self.assertRaises(ConfigError) as caught:
                self.made(**{option: "loud"})
            self.assertIn(f"{option}: expected one of debug, info", str(caught.exception))

    def test_anything(self) -> None:
        """What has no JSON is logged by its representation, and passes."""
        odd = EventMessage(
            event_type="ack", user_message_id="u", sent_message_id="s", extra={"x": object()}
        )
        for message in ("text {x}", odd):
            self.events.clear()
            self.assertIs(message, self.made().handle_consume_event(message, "c"))
            self.assertIn(repr(message), formatEvent(self.events[0]))


class Namespace(SynchronousTestCase):
    def test_namespace(self) -> None:
        """Events are in the namespace of the class."""
        events: list[Any] = []
        globalLogPublisher.addObserver(events.append)
        self.addCleanup(globalLogPublisher.removeObserver, events.append)
        middleware = LoggingMiddleware("log", {}, None)
        middleware.setup_middleware()
        middleware.handle_consume_inbound(MESSAGE, "c")
        namespace = "pipeline.middleware.logging.LoggingMiddleware"
        self.assertEqual(namespace, events[-1]["log_namespace"])
