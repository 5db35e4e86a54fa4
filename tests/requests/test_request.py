"""Tests of pipeline.requests.request."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import TestCase

from pipeline.errors import SuspiciousOperation
from pipeline.message import UserMessage
from pipeline.requests.request import MESSAGE, Request


def message(**fields: Any) -> UserMessage:
    """A message of a user."""
    given = {"to_addr": "1234", "from_addr": "+27", "content": "héllo", **fields}
    return UserMessage(transport_name="sms", transport_type="sms", **given)


class FromMessages(TestCase):
    """A request is a message, seen otherwise."""

    def test_plain(self) -> None:
        """What came over any transport has sensible values."""
        asked = message()
        request = Request.from_message(asked, "sms")
        self.assertEqual((MESSAGE, "/", "héllo"), (request.method, request.path, request.content))
        self.assertEqual(
            (asked, "sms", "+27"), (request.message, request.connector, request.remote_addr)
        )
        self.assertEqual(
            (False, True, False, ""),
            (request.is_http, request.is_safe, request.is_secure, request.host),
        )
        for empty in (request.query, request.form, request.files, request.cookies, request.headers):
            self.assertEqual({}, dict(empty))

    def test_no_content(self) -> None:
        """A message without text is an empty request."""
        self.assertEqual(b"", Request.from_message(message(content=None)).body)

    def test_round_trip(self) -> None:
        """A request of HTTP arrives as it was."""
        sent = Request(
            "POST",
            "/a/ä",
            "x=1",
            [("Host", "h:8"), ("A", "1"), ("A", "2")],
            b"\xff",
            scheme="https",
            remote_addr="127.0.0.1",
        )
        wire = message(content=None, extra={"http": sent.to_fields()}).to_json()
        got = Request.from_message(UserMessage.from_json(wire))
        names = (
            "method",
            "path",
            "query_string",
            "body",
            "scheme",
            "remote_addr",
            "host",
            "full_path",
        )
        for name in names:
            self.assertEqual(getattr(sent, name), getattr(got, name), name)
        self.assertEqual(sent.headers.pairs, got.headers.pairs)
        self.assertEqual((True, True, False), (got.is_http, got.is_secure, got.is_safe))

    def test_refused(self) -> None:
        """What says it came over HTTP, and makes no sense, is suspicious."""
        good = Request().to_fields()
        for wrong in (
            {"method": 7},
            {"method": MESSAGE},
            {"headers": [["a"]]},
            {"headers": [["a", "b\n"]]},
            {"body64": "!"},
        ):
            with self.assertRaises(SuspiciousOperation):
                Request.from_message(message(extra={"http": {**good, **wrong}}))


class Contents(TestCase):
    """What is in a request."""

    def test_query(self) -> None:
        """The query's values."""
        self.assertEqual("2", Request(query="a=1&a=2").query["a"])

    def test_cookies(self) -> None:
        """Cookies are read one by one: a broken one spoils no other."""
        headers = {"Cookie": 'a=1; b="x y"; @@; c=%; =; d'}
        self.assertEqual({"a": "1", "b": "x y", "c": "%"}, Request(headers=headers).cookies)

    def test_json(self) -> None:
        """JSON is decoded; what is none is suspicious."""
        self.assertEqual({"a": [1]}, Request(body=b'{"a": [1]}').json())
        for body in (b"", b"{", b"\xff"):
            with self.assertRaises(SuspiciousOperation):
                Request(body=body).json()

    def test_text(self) -> None:
        """A body that is no text is suspicious as one."""
        with self.assertRaises(SuspiciousOperation):
            Request(body=b"\xff").content  # noqa: B018

    def test_form(self) -> None:
        """Forms are read, whether fields or files are asked for first."""
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        request = Request("POST", headers=kind, body=b"a=1")
        self.assertEqual(({}, {"a": "1"}), (request.files, dict(request.form)))

    def test_attributes(self) -> None:
        """Middleware may hang on it what it likes."""
        request: Any = Request()
        request.user = "Ada"
        self.assertEqual("<Request GET />", repr(request))


class Provided(TestCase):
    """Attributes that middleware gives, and that are made late."""

    def test_made_once(self) -> None:
        """It is made when somebody asks for it, once; it may be set before; others aren't there."""
        request, made = Request(), []

        def make() -> str:
            made.append(1)
            return "made"

        request.provide("user", make)
        self.assertEqual([], made)
        self.assertEqual(("made", "made", [1]), (request.user, request.user, made))
        request.provide("other", make)
        request.other = "set"
        self.assertEqual(("set", [1]), (request.other, made))
        with self.assertRaisesRegex(AttributeError, "no attribute 'nobody'"):
            request.nobody  # noqa: B018  # asked for on purpose
