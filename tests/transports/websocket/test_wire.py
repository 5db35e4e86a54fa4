"""Tests of pipeline.transports.websocket.wire, most of them with a bare connection."""

from __future__ import annotations

import struct
from typing import Any

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransportWithDisconnection
from twisted.trial.unittest import TestCase
from wsproto.events import Request

from pipeline.transports.answers import refusal
from pipeline.transports.websocket.limits import Close, Limits, State
from pipeline.transports.websocket.wire import CLOSE_TIMEOUT, LINGER_BYTES, Wire
from tests.transports.websocket.clients import (
    BINARY,
    CLOSE,
    CONTINUED,
    HANDSHAKE,
    PING,
    PONG,
    TEXT,
    Talker,
    WebSocketCase,
    frame,
)


class Hearing(WebSocketCase):
    """What is wrong closes a connection, with the code that says so."""

    async def setUp(self) -> None:  # type: ignore[override]  # trial waits for it
        super().setUp()
        self.talker = await self.start(Talker)
        self.transport, self.port = await self.serve(max_message=100)

    async def refused(self, *frames: bytes) -> int:
        wire = await self.raw(self.port)
        wire.say(b"".join(frames))
        code = await self.closed_with(wire)
        await wire.gone
        return code

    async def test_wrong(self) -> None:
        """Each wrong frame is refused with its code, and the connection is closed then."""
        wrong: Any = (
            (1003, [frame(BINARY, b"x")]),
            (1009, [frame(TEXT, b"x" * 101)]),
            (1009, [frame(TEXT, "ä".encode() * 51)]),
            (1009, [frame(TEXT, b"x" * 60, fin=False), frame(CONTINUED, b"x" * 41)]),
            (1009, [struct.pack("!BBQ", 0x81, 0xFF, 2**62) + b"mask" + b"x" * 200]),
            (1007, [frame(TEXT, b"\xff")]),
            (1007, [frame(TEXT, b"\xc3", fin=False), frame(CONTINUED, b"x")]),
            (1002, [frame(TEXT, b"{}", masked=False)]),
            (1002, [frame(TEXT, b"{}", rsv=4)]),
            (1002, [frame(3, b"")]),
            (1002, [frame(CONTINUED, b"{}")]),
            (1002, [frame(TEXT, b"a", fin=False), frame(TEXT, b"b")]),
            (1002, [frame(PING, b"x" * 126)]),
            (1002, [frame(PING, b"", fin=False)]),
            (1002, [frame(CLOSE, b"\x03")]),
        )
        refusing = [Deferred.fromCoroutine(self.refused(*frames)) for _, frames in wrong]
        self.assertEqual([code for code, _ in wrong], await gatherResults(refusing))
        await self.until(lambda: len(self.talker.closed) == 15)
        self.assertEqual([], self.talker.heard)
        self.assertEqual([], list(self.transport.connections))

    async def test_pieces(self) -> None:
        """A message in pieces, with a ping between them and a letter cut in two, is one message."""
        wire = await self.raw(self.port)
        said = '{"content": "äö"}'.encode()
        wire.say(frame(TEXT, said[:14], fin=False) + frame(PING, b"there?"))
        wire.say(frame(CONTINUED, b"", fin=False) * 500)
        await self.until(lambda: b"there?" in wire.heard)
        self.assertEqual(frame(PONG, b"there?", masked=False), wire.heard)
        wire.say(frame(CONTINUED, said[14:]))
        await self.until(lambda: "ÄÖ".encode() in wire.heard)
        self.assertEqual("äö", self.talker.heard[0].content)

    async def test_byte_by_byte(self) -> None:
        """However slowly a frame comes, it is one."""
        wire = await self.raw(self.port)
        for byte in frame(TEXT, b'{"content": "slow"}'):
            wire.say(bytes([byte]))
        await self.until(lambda: b"SLOW" in wire.heard)

    async def test_close(self) -> None:
        """A close is answered with its code, and nothing after it is heard."""
        wire = await self.raw(self.port)
        wire.say(frame(CLOSE, struct.pack("!H", 1000) + b"bye") + frame(TEXT, b"{}"))
        self.assertEqual(1000, await self.closed_with(wire))
        await wire.gone
        await self.until(lambda: self.talker.closed)
        self.assertEqual([], self.talker.heard)

    async def test_compression(self) -> None:
        """Compression is not agreed on, whatever is offered."""
        wire = await self.wire(self.port)
        offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
        wire.say(HANDSHAKE.format(path="/", more=offer).encode())
        await self.until(lambda: b"\r\n\r\n" in wire.heard)
        self.assertNotIn(b"extensions", wire.heard.lower())


class Listening(list[str]):
    """Keeps what is said."""

    said = list.append


class Bounds(TestCase):
    """What is not read, and what takes too long, has an end."""

    def setUp(self) -> None:
        self.clock = Clock()
        limits = Limits(100, 1000, 10, 20, 15, 100)
        self.lost: list[Any] = []
        self.wire = Wire(limits, self.clock, "peer", self.requested, self.lost.append)
        self.transport = StringTransportWithDisconnection()
        self.transport.protocol = self.wire
        self.wire.makeConnection(self.transport)
        self.wire.listener = self.heard = Listening()

    def requested(self, wire: Wire, request: Request) -> None:
        self.request = request

    def open(self) -> None:
        """The handshake, and that one may talk."""
        self.wire.dataReceived(HANDSHAKE.format(path="/", more="").encode())
        self.assertEqual("paused", self.transport.producerState)
        self.assertTrue(self.wire.accept())
        self.wire.release()
        self.assertEqual("producing", self.transport.producerState)
        self.transport.clear()

    def look(self, seconds: float) -> None:
        """Time passes."""
        for _ in range(int(seconds)):
            self.clock.advance(1)
            self.wire.look()

    def said(self, opcode: int) -> bool:
        """Whether a frame of this kind was written."""
        return bytes([0x80 | opcode]) in self.transport.value()

    def test_no_request(self) -> None:
        """Who never asks is cut off."""
        self.look(10)
        self.assertFalse(self.lost)
        self.look(1)
        self.assertTrue(self.lost)

    def test_undecided(self) -> None:
        """Who isn't decided on in time is cut off; a late decision does nothing."""
        self.wire.dataReceived(HANDSHAKE.format(path="/", more="").encode())
        self.look(11)
        self.assertEqual([self.wire], self.lost)
        self.assertFalse(self.wire.accept())
        self.wire.reject(refusal(403, "no").answer)
        self.assertFalse(self.wire.send("x"))

    def test_held(self) -> None:
        """What comes while nobody listens is heard afterwards, one by one, in its order."""
        self.open()
        self.wire.hold()
        self.wire.dataReceived(b"".join(frame(TEXT, b"%d" % n) for n in range(5)))
        self.assertEqual(([], "paused"), (self.heard, self.transport.producerState))
        self.look(60)
        self.assertFalse(self.said(PING))
        self.wire.release()
        self.assertEqual([str(n) for n in range(5)], self.heard)

    def test_held_in_between(self) -> None:
        """Who wants no more gets no more, though it is there already."""
        self.open()
        self.heard.said = lambda text: (self.heard.append(text), self.wire.hold())  # type: ignore[method-assign]
        self.wire.dataReceived(b"".join(frame(TEXT, b"%d" % n) for n in range(3)))
        self.assertEqual(["0"], self.heard)
        self.wire.release()
        self.assertEqual(["0", "1"], self.heard)

    def test_unread(self) -> None:
        """What waits for who doesn't read is bounded: who reads nothing is closed."""
        self.open()
        self.wire.pauseProducing()
        self.assertEqual("paused", self.transport.producerState)
        while self.wire.send("x" * 100):
            self.wire.pauseProducing()  # as Twisted does for each write
            self.assertLess(len(self.transport.value()), 1100)
        self.assertTrue(self.lost)
        self.assertIs(State.GONE, self.wire.state)

    def test_read_at_last(self) -> None:
        """Who reads in time stays."""
        self.open()
        for _ in range(5):
            self.wire.pauseProducing()
            for _ in range(9):
                self.assertTrue(self.wire.send("x" * 100))
            self.look(14)
            self.wire.resumeProducing()
        self.assertFalse(self.lost)

    def test_reads_too_slowly(self) -> None:
        """Who takes too long to read is cut off."""
        self.open()
        self.wire.pauseProducing()
        self.look(16)
        self.assertTrue(self.lost)

    def test_pings_unread(self) -> None:
        """Pings of who doesn't read are not answered without end."""
        self.open()
        self.wire.pauseProducing()
        self.transport.clear()
        for _ in range(1000):
            self.wire.dataReceived(frame(PING, b"x" * 100))
        self.assertLessEqual(len(self.transport.value()), 1000)

    def test_ping(self) -> None:
        """Who is silent is asked, and closed when there is no answer."""
        self.open()
        self.look(21)
        self.assertTrue(self.said(PING))
        self.wire.dataReceived(frame(PONG))
        self.look(20)
        self.assertIs(State.OPEN, self.wire.state)
        self.look(17)
        self.assertEqual((State.CLOSING, Close.ERROR), (self.wire.state, self.wire.code))
        self.look(CLOSE_TIMEOUT + 1)
        self.assertTrue(self.lost)

    def test_idle(self) -> None:
        """Who says nothing, and is told nothing, is closed though it answers pings."""
        self.open()
        for _ in range(11):
            self.look(9)
            self.wire.dataReceived(frame(PONG))
        self.look(3)
        self.assertEqual((State.CLOSING, Close.NORMAL), (self.wire.state, self.wire.code))
        self.wire.dataReceived(frame(TEXT, b"too late"))
        self.wire.dataReceived(frame(CLOSE, b"\x03\xe8"))
        self.assertEqual(([], [self.wire]), (self.heard, self.lost))

    def test_no_utf8_then_more(self) -> None:
        """After what is no frame nothing is kept, and the connection ends soon."""
        self.open()
        self.wire.dataReceived(frame(TEXT, b"\xff"))
        self.assertEqual((State.CLOSING, 1007), (self.wire.state, self.wire.code))
        self.wire.dataReceived(b"x" * 100_000)
        self.look(1)
        self.assertTrue(self.lost)

    def test_flood_after_close(self) -> None:
        """Who goes on sending after the close is cut off before their time is over."""
        self.open()
        self.wire.dataReceived(frame(BINARY, b"x") + frame(TEXT, b"", fin=False))
        some = frame(CONTINUED, b"x" * 60_000, fin=False)
        for _ in range(LINGER_BYTES // len(some)):
            self.wire.dataReceived(some)
            self.assertFalse(self.lost)
        self.wire.dataReceived(some)
        self.assertTrue(self.lost)

    def test_reject(self) -> None:
        """Who is rejected sees why, and nothing else is heard from them."""
        self.wire.dataReceived(HANDSHAKE.format(path="/", more="").encode())
        self.wire.reject(refusal(403, "no").answer)
        head, _, body = self.transport.value().partition(b"\r\n\r\n")
        self.assertTrue(head.startswith(b"HTTP/1.1 403 "))
        self.assertIn(b'"message":"no"', body)
        self.assertTrue(self.lost)
