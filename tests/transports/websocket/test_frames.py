"""Tests of pipeline.transports.websocket.frames."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st
from twisted.trial.unittest import TestCase

from pipeline.message import ResultMessage, UserMessage
from pipeline.transports.answers import HttpError, refusal
from pipeline.transports.callers import Caller
from pipeline.transports.websocket.frames import JsonFrames, TextFrames, error_frame
from tests.properties import given

FIELDS = {"from_addr": "c1", "to_addr": "shop", "transport_metadata": {"connection": "c1"}}
ADA = Caller("ada", "127.0.0.1")
ANYBODY = Caller(None, "127.0.0.1")


def reply(**fields: Any) -> UserMessage:
    """A message for a client."""
    given = {"from_addr": "shop", "to_addr": "c1", "content": "hi", "message_id": "r1", **fields}
    return UserMessage(transport_name="web", transport_type="websocket", **given)


class Json(TestCase):
    """Messages as objects."""

    def setUp(self) -> None:
        self.frames = JsonFrames("web", "websocket")

    def refused(self, text: str) -> dict[str, Any]:
        error = self.assertRaises(HttpError, self.frames.read, text, FIELDS)
        told: dict[str, Any] = error.answer.content["error"]
        return told

    def test_read(self) -> None:
        """What is the client's to say is taken; the rest is the transport's."""
        said = {"content": "hi", "id": "7", "mood": 3, "message_id": "m1", "session_event": "close"}
        message, id, is_known = self.frames.read(json.dumps(said), FIELDS)
        self.assertEqual(("7", True), (id, is_known))
        self.assertEqual(
            ("hi", "c1", "shop", "m1", "close", {"mood": 3}, {"connection": "c1"}),
            (
                message.content,
                message.from_addr,
                message.to_addr,
                message.message_id,
                message.session_event,
                message.extra,
                message.transport_metadata,
            ),
        )

    def test_least(self) -> None:
        """An empty object is a message, with an id of its own, that nobody asks an ack for."""
        message, id, is_known = self.frames.read("{}", FIELDS)
        self.assertEqual((None, None, False), (message.content, id, is_known))
        self.assertEqual(32, len(message.message_id))

    def test_to_addr(self) -> None:
        """Whom a message is for the client may say."""
        self.assertEqual("bob", self.frames.read('{"to_addr": "bob"}', FIELDS).message.to_addr)

    def test_wrong(self) -> None:
        """What can't be taken is refused, with the field and the client's own id."""
        for text, field in (
            ('{"from_addr": "bob"}', "from_addr"),
            ('{"session_event": "new"}', "session_event"),
            ('{"transport_metadata": {}}', "transport_metadata"),
            ('{"content": 3}', "content"),
            ('{"id": 3}', "id"),
            ('{"id": ""}', "id"),
        ):
            self.assertEqual(field, self.refused(text)["field"])
        self.assertEqual("7", self.refused('{"id": "7", "content": 3}')["id"])
        self.assertIn("object", self.refused("[]")["message"])
        self.assertIn("JSON", self.refused("hello")["message"])

    @given(st.text())
    def test_anything(self, text: str) -> None:
        """Whatever comes, it is a message or refused."""
        try:
            self.frames.read(text, FIELDS)
        except HttpError as error:
            self.assertEqual(400, error.answer.status)

    def test_write(self) -> None:
        """A reply is as HTTP has it; ids are as the client knows them."""
        frame = self.frames.write(reply(in_reply_to="ada/m1"), ADA)
        told = json.loads(frame or "")
        self.assertEqual(("r1", "m1", "hi"), (told["id"], told["in_reply_to"], told["content"]))
        self.assertIsNone(json.loads(self.frames.write(reply(), ANYBODY) or "")["in_reply_to"])

    def test_stored(self) -> None:
        """An ack is sent to who asks for one."""
        said = self.frames.read('{"id": "7"}', FIELDS)
        said.message.message_id = "ada/m1"
        self.assertEqual(
            {"ack": "7", "message_id": "m1"}, json.loads(self.frames.stored(said, ADA) or "")
        )
        self.assertIsNone(self.frames.stored(self.frames.read("{}", FIELDS), ADA))

    def test_failed(self) -> None:
        """What has failed for good is an error with the message that it is about."""
        result = ResultMessage(in_reply_to="ada/m1", status="failed", error="ValueError: no")
        for frames in (self.frames, TextFrames("web", "websocket")):
            error = json.loads(frames.write(result, ADA) or "")["error"]
            expected = {"code": "internal_error", "message": "ValueError: no", "in_reply_to": "m1"}
            self.assertEqual(expected, error)


class Text(TestCase):
    """Messages as their content."""

    def setUp(self) -> None:
        self.frames = TextFrames("web", "websocket")

    def test_both_ways(self) -> None:
        """A frame is a content."""
        said = self.frames.read('{"content": 1}', FIELDS)
        self.assertEqual(
            ('{"content": 1}', "c1", "shop"),
            (said.message.content, said.message.from_addr, said.message.to_addr),
        )
        self.assertIsNone(self.frames.stored(said, ANYBODY))
        self.assertEqual("hi", self.frames.write(reply(), ANYBODY))
        self.assertIsNone(self.frames.write(reply(content=None), ANYBODY))


class Errors(TestCase):
    """Errors are JSON."""

    def test_details(self) -> None:
        """Details are told if there are any."""
        frame = error_frame(refusal(400, "no", field="x"), id="7", message_id=None)
        expected = {"code": "bad_request", "message": "no", "field": "x", "id": "7"}
        self.assertEqual({"error": expected}, json.loads(frame))
