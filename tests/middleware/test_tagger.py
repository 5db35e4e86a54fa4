"""Tags by address, and messages filled in by tag."""

from __future__ import annotations

import copy
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipeline.config.source import parse_document
from pipeline.errors import ConfigError
from pipeline.message import EventMessage, UserMessage
from pipeline.middleware.load import create_middlewares_from_config
from pipeline.middleware.stack import MiddlewareStack
from pipeline.middleware.tagger import TaggingMiddleware
from tests.middleware.systems import Answering, Phone, SystemCase
from tests.workers import inbound

OPTIONS: dict[str, Any] = {
    "incoming": {
        "addr_pattern": r"^\d+(\d{3})$",
        "tagpool_template": "pool",
        "tagname_template": r"mytag-\1",
    },
    "outgoing": {
        "tagname_pattern": r"mytag-(\d{3})$",
        "msg_template": {"from_addr": r"12345\1"},
    },
}
TAG = ("pool", "mytag-456")


def made(template: Any = None, **incoming: Any) -> TaggingMiddleware:
    options = copy.deepcopy(OPTIONS)
    options["incoming"].update(incoming)
    if template is not None:
        options["outgoing"]["msg_template"] = template
    middleware = TaggingMiddleware("tag", options, None)
    middleware.setup_middleware()
    return middleware


def tagged(tag: Any = TAG, **fields: Any) -> UserMessage:
    message = inbound(**fields)
    TaggingMiddleware.add_tag_to_msg(message, tag)
    return message


class Inbound(SynchronousTestCase):
    def tag(self, address: Any, **incoming: Any) -> Any:
        message = made(**incoming).handle_inbound(inbound(to_addr=address), "c")
        return TaggingMiddleware.map_msg_to_tag(message)

    def test_match(self) -> None:
        """A message whose address fits is tagged: pool and name, expanded from the match."""
        self.assertEqual(TAG, self.tag("123456"))
        named = {"addr_pattern": r"(?P<p>\d)", "tagpool_template": r"pool\g<p>"}
        self.assertEqual(("pool7", "mytag-7"), self.tag("7", **named))

    def test_where(self) -> None:
        """It is a list at helper_metadata.tag.tag, so that it is the same after its travel."""
        message = made().handle_inbound(inbound(to_addr="123456"), "c")
        self.assertEqual({"tag": {"tag": list(TAG)}}, message.helper_metadata)
        self.assertEqual(message, UserMessage.from_json(message.to_json()))

    def test_no_match(self) -> None:
        """An address that does not fit, or none, leaves the message as it is."""
        for address in ("a1234", "", None):
            message = inbound(to_addr=address)
            self.assertEqual({}, made().handle_inbound(message, "c").helper_metadata)

    def test_beginning(self) -> None:
        """The pattern is for the beginning of the address, not for any part."""
        self.assertIsNone(self.tag("x1", addr_pattern=r"(\d)"))
        self.assertEqual(("pool", "mytag-1"), self.tag("1x", addr_pattern=r"(\d)"))


class Outbound(SynchronousTestCase):
    def filled(self, template: Any, **fields: Any) -> UserMessage:
        handled: UserMessage = made(template).handle_outbound(tagged(**fields), "c")
        return handled

    def test_match(self) -> None:
        """A message whose tag fits is filled in, from the match."""
        self.assertEqual("12345456", self.filled(None).from_addr)

    def test_deep(self) -> None:
        """Texts are expanded, mappings merged into what is there, all else is put in."""
        template = {
            "transport_metadata": {"a": {"b": r"x\1", "n": 5}, "list": [r"\1"], "none": None},
            "special": {"deep": r"\1"},
            "helper_metadata": {"tag": {"more": "yes"}},
        }
        message = self.filled(template, transport_metadata={"a": {"old": 1}, "kept": 2})
        self.assertEqual(
            {
                "a": {"old": 1, "b": "x456", "n": 5},
                "kept": 2,
                "list": [r"\1"],
                "none": None,
            },
            message.transport_metadata,
        )
        self.assertEqual({"deep": "456"}, message["special"])
        self.assertEqual({"tag": list(TAG), "more": "yes"}, message.helper_metadata["tag"])

    def test_in_the_way(self) -> None:
        """What is no mapping, where one belongs, is replaced by it."""
        message = self.filled({"extra_key": {"a": "b"}}, extra={"extra_key": "text"})
        self.assertEqual({"a": "b"}, message["extra_key"])

    def test_nothing_shared(self) -> None:
        """Messages share nothing with the options."""
        middleware = made({"transport_metadata": {"list": []}})
        first, second = (middleware.handle_outbound(tagged(), "c") for _ in range(2))
        first.transport_metadata["list"].append(1)
        self.assertEqual([], second.transport_metadata["list"])

    def test_no_match(self) -> None:
        """A tag that does not fit, none, or something odd there leaves the message as it is."""
        for tag in (("pool", "other-456"), ("pool", "mytag-4567"), ("pool",), ("pool", 5), "ab"):
            message = tagged(tag)
            self.assertEqual(message.copy(), made().handle_outbound(message, "c"))
        for metadata in ({}, {"tag": None}, {"tag": {}}, {"tag": {"tag": None}}):
            message = inbound(helper_metadata=metadata)
            self.assertEqual(message.copy(), made().handle_outbound(message, "c"))

    def test_pool(self) -> None:
        """The tag's pool is not looked at."""
        handled = made().handle_outbound(tagged(("any", "mytag-456")), "c")
        self.assertEqual("12345456", handled.from_addr)

    def test_costs_nothing(self) -> None:
        """Events have no handler, nor outbound messages with an empty template."""
        stack = MiddlewareStack([made({})])
        self.assertEqual((), stack.consume("event").steps)
        self.assertEqual((), stack.publish("outbound").steps)
        self.assertEqual(1, len(stack.consume("inbound").steps))


class Statics(SynchronousTestCase):
    def test_message(self) -> None:
        """A tag is put on a message, and found again as a tuple; there may be none."""
        message = inbound()
        self.assertIsNone(TaggingMiddleware.map_msg_to_tag(message))
        TaggingMiddleware.add_tag_to_msg(message, TAG)
        self.assertEqual(TAG, TaggingMiddleware.map_msg_to_tag(message))

    def test_payload(self) -> None:
        """The same for a payload, which may lack the metadata."""
        payload: dict[str, Any] = {}
        self.assertIsNone(TaggingMiddleware.map_msg_to_tag(payload))
        TaggingMiddleware.add_tag_to_payload(payload, TAG)
        self.assertEqual({"helper_metadata": {"tag": {"tag": list(TAG)}}}, payload)
        self.assertEqual(TAG, TaggingMiddleware.map_msg_to_tag(payload))

    def test_events(self) -> None:
        """Events may be tagged, too."""
        event = EventMessage(event_type="ack", user_message_id="1", sent_message_id="2")
        TaggingMiddleware.add_tag_to_msg(event, TAG)
        self.assertEqual(TAG, TaggingMiddleware.map_msg_to_tag(event))


class Wrong(SynchronousTestCase):
    def said(self, **changes: Any) -> str:
        options = copy.deepcopy(OPTIONS)
        for path, value in changes.items():
            section, name = path.split("__")
            if value is None:
                del options[section][name]
            else:
                options[section][name] = value
        with self.assertRaises(ConfigError) as caught:
            TaggingMiddleware("tag", options, None)
        return str(caught.exception)

    def test_missing(self) -> None:
        """Both sections and all their options are required."""
        for options in ({}, {"incoming": OPTIONS["incoming"]}, {"outgoing": OPTIONS["outgoing"]}):
            with self.assertRaises(ConfigError):
                TaggingMiddleware("tag", options, None)
        for section, options in OPTIONS.items():
            for name in options:
                said = self.said(**{f"{section}__{name}": None})
                self.assertIn(f"{section}: {name}: required", said)

    def test_kinds(self) -> None:
        """Patterns and templates of the wrong kind are refused."""
        self.assertIn("addr_pattern: not a regular", self.said(incoming__addr_pattern="("))
        self.assertIn("tagpool_template: expected text", self.said(incoming__tagpool_template=5))
        self.assertIn("msg_template: expected a mapping", self.said(outgoing__msg_template="x"))

    def test_templates(self) -> None:
        """A group that the pattern lacks is found before any message comes."""
        said = self.said(incoming__tagname_template=r"\2")
        self.assertIn("invalid group reference 2", said)
        deep = {"transport_metadata": {"a": r"\g<nobody>"}}
        said = self.said(outgoing__msg_template=deep)
        self.assertIn("msg_template.transport_metadata.a: not a template", said)

    def test_no_message(self) -> None:
        """A template that would make no message is refused."""
        for template in ({"provider": 5}, {"session_event": "x"}, {"message_type": "event"}):
            self.assertIn("msg_template", self.said(outgoing__msg_template=template))

    def test_position(self) -> None:
        """Errors say where they are in the file."""
        text = """\
middleware: [{tag: pipeline.middleware.tagger.TaggingMiddleware}]
tag:
  incoming: {addr_pattern: (.*), tagpool_template: a, tagname_template: '\\2'}
  outgoing: {tagname_pattern: (.*), msg_template: {}}
"""
        with self.assertRaises(ConfigError) as caught:
            create_middlewares_from_config(None, parse_document(text, "a.yaml").data)
        self.assertIn("a.yaml:3:73: middleware 'tag': incoming: tagname", str(caught.exception))


class Running(SystemCase):
    MIDDLEWARE = "pipeline.middleware.tagger.TaggingMiddleware"

    def test_conversation(self) -> None:
        """The tag that a message got comes back with its answer, which is filled in by it."""
        phone = self.started(Phone, self.options(**OPTIONS))
        app = self.started(Answering, {"transport_name": "sms"})
        self.say(phone, to_addr="123456")
        self.turn()
        tags = [TaggingMiddleware.map_msg_to_tag(message) for message in app.got]
        self.assertEqual([TAG], tags)
        self.assertEqual(["12345456"], [message.from_addr for message in phone.sent])
