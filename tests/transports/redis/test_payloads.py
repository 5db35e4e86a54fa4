"""What stands in an entry."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from pipeline.errors import InvalidMessage, PermanentFailure
from pipeline.transports.redis.payloads import as_bytes, decoded, encoded, named, raw

DEEP = b'{"a":' * 100_000


class Reading(SynchronousTestCase):
    def test_formats(self) -> None:
        """JSON and msgpack are objects; text is what it is."""
        self.assertEqual({"a": 1}, decoded(b'{"a": 1}', "json"))
        self.assertEqual({"a": 1}, decoded(b"\x81\xa1a\x01", "msgpack"))
        self.assertEqual(b"{", decoded(b"{", "text"))

    def test_wrong(self) -> None:
        """What is something else is refused, however it is broken."""
        for data, format, told in (
            (b"", "json", "not json"),
            (b"{", "json", "not json"),
            (DEEP, "json", "not json"),
            (b'{"a": "\xff"}', "json", "not json"),
            (b"[1]", "json", "got list"),
            (b"null", "json", "got NoneType"),
            (b"\x81", "msgpack", "not msgpack"),
            (b"\x01", "msgpack", "got int"),
        ):
            error = self.assertRaises(InvalidMessage, decoded, data, format)
            self.assertIn(told, str(error))

    def test_named(self) -> None:
        """Fields by name; of two of one name the last counts."""
        self.assertEqual({"a": b"2"}, named([(b"a", b"1"), (b"a", b"2")]))

    def test_raw(self) -> None:
        """From what is kept of an entry every byte can be had back, in order."""
        pairs = [(b"a", b"\xff\x00"), (b"a", "ä".encode()), (b"\xfe", b"")]
        kept = json.loads(raw(pairs))
        back = [tuple(part.encode("utf-8", "surrogateescape") for part in pair) for pair in kept]
        self.assertEqual(pairs, back)
        self.assertEqual(b"\xff", raw(b"\xff"))


class Writing(SynchronousTestCase):
    VALUES: dict[str, Any] = {"a.b": 1, "a.c": "x", "t": datetime(2026, 1, 1, tzinfo=UTC)}

    def test_nested(self) -> None:
        """Names with dots become objects in objects; times are ISO 8601."""
        expected = {"a": {"b": 1, "c": "x"}, "t": "2026-01-01T00:00:00+00:00"}
        self.assertEqual(expected, json.loads(encoded(self.VALUES, "json")))
        self.assertEqual(expected, msgspec.msgpack.decode(encoded(self.VALUES, "msgpack")))

    def test_text(self) -> None:
        """Text is what is called ``.``; without it there is nothing to be written."""
        self.assertEqual("ä".encode(), encoded({".": "ä"}, "text"))
        error = self.assertRaises(PermanentFailure, encoded, {".": None}, "text")
        self.assertIn("no content", str(error))

    def test_wrong(self) -> None:
        """What can't be written fails for good."""
        for values in ({"a": 1, "a.b": 2}, {"a.b": 2, "a": 1}, {"a": object()}):
            self.assertRaises(PermanentFailure, encoded, values, "json")

    def test_fields(self) -> None:
        """A stream's field holds text as it is, and the rest as JSON."""
        for value, told in (("ä", "ä".encode()), (1.5, b"1.5"), ([1], b"[1]"), (b"x", b"x")):
            self.assertEqual(told, as_bytes(value))
        self.assertEqual(b'"2026-01-01T00:00:00+00:00"', as_bytes(self.VALUES["t"]))
