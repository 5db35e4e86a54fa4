"""A letter as values: what it says, and what it does when it says nonsense."""

from __future__ import annotations

import base64
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipeline.codec import Codec
from pipeline.delivery import DeadLetterEntry
from pipeline.message.user import UserMessage
from pipeline.observe.letters import Letter, escaped, message_of, position, summary, whole


def letter(payload: bytes = b"", partition: int = 0, **fields: Any) -> Letter:
    """A letter that died at 1700000000.123."""
    entry = DeadLetterEntry("1700000000123-4", "web.outbound", {"payload": payload, **fields})
    return Letter(entry, partition)


class Letters(SynchronousTestCase):
    """What a letter knows of itself."""

    def test_reference(self) -> None:
        """The first partition's letters are called by their ids, others name theirs."""
        self.assertEqual("1700000000123-4", letter().reference)
        self.assertEqual("1700000000123-4/3", letter(partition=3).reference)

    def test_queue(self) -> None:
        """A letter of an instance names its queue."""
        self.assertEqual("web.outbound", letter().queue)
        self.assertEqual("web.outbound@a", letter(queue=b"web.outbound@a").queue)

    def test_died_at(self) -> None:
        """The id has the time, unless an edit has given it another."""
        self.assertEqual(1700000000.123, letter().died_at)
        self.assertEqual(5.0, letter(died_at=b"5000").died_at)

    def test_trace(self) -> None:
        """A letter of a trace says which; one of none, or of nonsense, says nothing."""
        context = b'{"traceparent":"00-%032x-%016x-01"}' % (10, 11)
        self.assertEqual(f"{10:032x}", letter(trace=context).trace_id)
        self.assertEqual(f"{10:032x}", summary(letter(trace=context))["trace_id"])
        for said in (
            {},
            {"trace": b"{}"},
            {"trace": b'{"traceparent":"00-1"}'},
            {"trace": b"\xff"},
        ):
            self.assertEqual("", letter(**said).trace_id)

    def test_nonsense(self) -> None:
        """Fields that can't be read are left out, not raised."""
        strange = letter(history=b"[", attempts=b"many", error=b"\xff")
        self.assertEqual([], strange.history)
        self.assertEqual([], letter(history=b"{}").history)
        found = summary(strange)
        self.assertEqual(
            (None, None, "\ufffd"), tuple(found[n] for n in ("attempts", "enqueued_at", "error"))
        )

    def test_position(self) -> None:
        """Ids compare as numbers."""
        self.assertLess(position("9-9"), position("10-1"))
        self.assertLess(position("9-9"), position("9-10"))


class Whole(SynchronousTestCase):
    """All of a letter as JSON."""

    def test_message(self) -> None:
        """A message is an object, whichever format it travels in."""
        message = UserMessage(
            content="é", from_addr="a", to_addr="b", transport_name="t", transport_type="x"
        )
        for codec in (Codec("json"), Codec("msgpack")):
            found = whole(letter(codec.encode(message), history=b"[1]"), codec)
            self.assertEqual("é", found["message"]["content"])
            self.assertIsNone(found["undecodable"])
            self.assertEqual([1], found["history"])

    def test_raw(self) -> None:
        """What is no message is there whole, for a machine and for an eye."""
        raw = b"\x00\xff\x1b[31mred \xc3\xa9"
        found = whole(letter(raw), Codec())
        self.assertEqual(raw, base64.b64decode(found["base64"]))
        self.assertEqual("\\x00\\xff\\x1b[31mred é", found["text"])
        self.assertIsNone(found["message"])
        self.assertIn("0x00", found["undecodable"])
        self.assertEqual((None, found["undecodable"]), message_of(letter(raw), Codec()))

    def test_escaped(self) -> None:
        """Lines stay lines."""
        self.assertEqual("a\nb\\r\\x07", escaped(b"a\nb\r\x07"))
