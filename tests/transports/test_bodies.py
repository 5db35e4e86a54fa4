"""Tests of pipeline.transports.bodies."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st
from twisted.trial.unittest import TestCase

from pipeline.transports.answers import HttpError
from pipeline.transports.bodies import (
    arguments_in,
    json_in,
    object_in,
    user_message_in,
    user_message_out,
)
from tests.properties import given


class BodyCase(TestCase):
    """Looks at refusals."""

    def refused(self, function: Any, *args: Any) -> dict[str, Any]:
        """The error of a 400."""
        answer = self.assertRaises(HttpError, function, *args).answer
        self.assertEqual(400, answer.status)
        error: dict[str, Any] = answer.content["error"]
        return error


class Json(BodyCase):
    """Bodies that are no JSON are refused with the reason."""

    def test_malformed(self) -> None:
        """The error says where."""
        self.assertIn("(byte 8)", self.refused(json_in, b'{"a": 1,}')["message"])
        self.assertIn("truncated", self.refused(json_in, b"")["message"])

    def test_utf8(self) -> None:
        """Bytes that are no UTF-8 are refused, with the place."""
        self.assertIn("at byte 7", self.refused(json_in, b'{"a": "\xff"}')["message"])

    def test_deep(self) -> None:
        """What is nested beyond reason is refused, however deep."""
        for depth in (300, 5_000, 400_000):
            body = b"[" * depth + b"]" * depth
            self.assertIn("nested", self.refused(json_in, body)["message"])
        self.refused(json_in, b"[" * 400_000)

    def test_numbers(self) -> None:
        """Numbers that no other part could read are refused."""
        self.refused(json_in, b"1e999")
        self.refused(json_in, b"NaN")

    @given(st.binary())
    def test_anything(self, body: bytes) -> None:
        """Whatever comes, it is a value or a 400."""
        try:
            json_in(body)
        except HttpError as error:
            self.assertEqual(400, error.answer.status)


class Arguments(BodyCase):
    """The arguments of a call."""

    def test_forms(self) -> None:
        """All documented forms are understood."""
        for body, expected in (
            (b"", ([], {})),
            (b" \n", ([], {})),
            (b"{}", ([], {})),
            (b"[1, 2]", ([1, 2], {})),
            (b'{"a": 1}', ([], {"a": 1})),
            (b'{"args": [1]}', ([1], {})),
            (b'{"kwargs": {"b": 2}}', ([], {"b": 2})),
            (b'{"args": [1], "kwargs": {"b": 2}}', ([1], {"b": 2})),
            (b'{"args": 1, "c": 2}', ([], {"args": 1, "c": 2})),
        ):
            self.assertEqual(expected, arguments_in(body), body)

    def test_wrong(self) -> None:
        """Anything else is refused."""
        self.refused(arguments_in, b"3")
        self.assertEqual("args", self.refused(arguments_in, b'{"args": 3}')["field"])
        self.assertEqual("kwargs", self.refused(arguments_in, b'{"kwargs": []}')["field"])


class Messages(BodyCase):
    """User messages."""

    def _message(self, **fields: Any) -> Any:
        return user_message_in(object_in(json.dumps(fields).encode()), "web", "http")

    def _refused_message(self, **fields: Any) -> dict[str, Any]:
        return self.refused(lambda: self._message(**fields))

    def test_fields(self) -> None:
        """Fields are taken, the transport's are filled in, other keys are extra."""
        message = self._message(content="hi", from_addr="a", message_id="m1", mood=3)
        self.assertEqual(
            ("hi", "a", None, "web", "http", "m1", {"mood": 3}),
            (
                message.content,
                message.from_addr,
                message.to_addr,
                message.transport_name,
                message.transport_type,
                message.message_id,
                message.extra,
            ),
        )

    def test_empty(self) -> None:
        """An object without anything is a message without content, with an id of its own."""
        self.assertEqual(32, len(self._message().message_id))

    def test_reserved(self) -> None:
        """What a transport says of a request for views is not a client's to say."""
        for said in ({"http": {}}, {"extra": {"http": None}}):
            self.assertEqual("http", self._refused_message(**said)["field"])

    def test_not_an_object(self) -> None:
        """Other values are refused, and named."""
        for body, name in ((b"[]", "array"), (b'"x"', "text"), (b"1", "number"), (b"null", "null")):
            self.assertIn(name, self.refused(object_in, body)["message"])

    def test_wrong_fields(self) -> None:
        """A wrong field is named."""
        for name, value in (
            ("content", 3),
            ("from_addr", []),
            ("session_event", "maybe"),
            ("timestamp", "yesterday"),
            ("timestamp", "0001-01-01T00:00:00+14:00"),
            ("message_id", 7),
            ("message_id", ""),
            ("message_id", "x" * 201),
            ("message_type", "event"),
            ("extra", 1),
        ):
            self.assertEqual(name, self._refused_message(**{name: value}).get("field"), name)

    def test_ours(self) -> None:
        """What is the transport's to say is not the client's."""
        for name in (
            "helper_metadata",
            "in_reply_to",
            "routing_metadata",
            "transport_metadata",
            "transport_name",
            "transport_type",
        ):
            for value in ("x", {}, {"endpoint_name": {"no": "name"}}):
                self.assertEqual(name, self._refused_message(**{name: value})["field"])

    def test_out(self) -> None:
        """A client is told what is for it, and nothing of what is ours."""
        message = self._message(content="hi", from_addr="shop", to_addr="ada", message_id="m1")
        told = {
            "id": "m1",
            "in_reply_to": None,
            "content": "hi",
            "from_addr": "shop",
            "to_addr": "ada",
            "session_event": None,
        }
        self.assertEqual(told, user_message_out(message))
        message.extra["mood"] = 3
        self.assertEqual({**told, "extra": {"mood": 3}}, user_message_out(message))
