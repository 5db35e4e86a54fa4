"""Ids of messages."""

from __future__ import annotations

import os
import uuid
from contextvars import copy_context

from twisted.trial.unittest import TestCase

from pipeline.codec import Codec
from pipeline.message import EventMessage, UserMessage
from pipeline.message.ids import id_on_wire, id_source, new_id, random_id


class Derived:
    def next_id(self) -> str:
        return "derived"


class RandomIds(TestCase):
    def test_form(self) -> None:
        """An id is a version 4 UUID, in 32 lower-case hexadecimal digits."""
        for made in (random_id() for _ in range(500)):
            known = uuid.UUID(made)
            self.assertEqual((4, uuid.RFC_4122, made), (known.version, known.variant, known.hex))

    def test_different(self) -> None:
        """No id comes twice, also when the stock of randomness is renewed."""
        self.assertEqual(1000, len({random_id() for _ in range(1000)}))

    def test_fork(self) -> None:
        """A forked child doesn't give out the ids that its parent would."""
        random_id()
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:  # pragma: no cover - another process
            os.write(writer, " ".join(random_id() for _ in range(50)).encode())
            os._exit(0)
        os.close(writer)
        with os.fdopen(reader) as pipe:
            theirs = set(pipe.read().split())
        os.waitpid(child, 0)
        self.assertEqual(50, len(theirs))
        self.assertEqual(set(), theirs & {random_id() for _ in range(64)})


class Source(TestCase):
    def test_given_out(self) -> None:
        """Where a source is set, ids come from it, and only there."""

        def inside() -> str:
            id_source.set(Derived())
            return new_id()

        self.assertEqual("derived", copy_context().run(inside))
        self.assertEqual(32, len(new_id()))


class OnWire(TestCase):
    def test_found(self) -> None:
        """An encoded message's id is found in either format, without the message."""
        message = UserMessage(to_addr="1", from_addr="2", transport_name="t", transport_type="sms")
        for codec in (Codec(), Codec("msgpack")):
            self.assertEqual(message.message_id, id_on_wire(codec.encode(message)))

    def test_none(self) -> None:
        """What has none, or is no message, has an empty one."""
        event = EventMessage(event_type="ack", user_message_id="1", sent_message_id="2")
        nothing = [Codec().encode(event), b"", b"x", b"{", b'{"message_id": 1}', b"[" * 100_000]
        self.assertEqual([""] * 6, [id_on_wire(payload) for payload in nothing])
