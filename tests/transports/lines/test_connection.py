"""Tests of pipeline.transports.lines.connection: what it does with clients that misbehave."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import TestCase

from pipeline.transports.lines.config import LinesConfig
from pipeline.transports.lines.connection import READ_AHEAD, Connection
from pipeline.transports.lines.incoming import Odd
from tests.transports.lines.clients import LinesCase, Parrot


class Wire(StringTransport):
    """A transport that can be closed on one side."""

    is_half_closed = False

    def loseWriteConnection(self) -> None:
        self.is_half_closed = True


class House:
    """Whom a connection tells."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def opened(self, connection: Any) -> None:
        self.told.append("opened")

    def closed(self, connection: Any) -> None:
        self.told.append("closed")

    def idle(self, connection: Any) -> None:
        self.told.append("idle")


class Alone(TestCase):
    """A connection without a network."""

    def setUp(self) -> None:
        self.clock, self.house = Clock(), House()

    def connection(self, **options: Any) -> tuple[Connection, Wire]:
        config = LinesConfig({"transport_name": "lines", "idle_timeout": 10, **options})
        made, wire = Connection(config, self.clock, self.house), Wire()
        made.makeConnection(wire)
        return made, wire

    def line(self, connection: Connection) -> Any:
        from twisted.internet.defer import Deferred

        return Deferred.fromCoroutine(connection.line())

    def test_read_ahead(self) -> None:
        """Nothing is read while much is unpublished; when most of it is, reading goes on."""
        connection, wire = self.connection()
        line = b"x" * 1023 + b"\n"
        connection.dataReceived(line * 64)
        self.assertEqual("producing", wire.producerState)
        connection.dataReceived(line)
        self.assertEqual("paused", wire.producerState)
        for _ in range(32):
            self.assertEqual(line[:-1], self.successResultOf(self.line(connection)))
        self.assertEqual("paused", wire.producerState)
        self.successResultOf(self.line(connection))
        self.assertEqual("producing", wire.producerState)

    def test_long_line(self) -> None:
        """A line may be longer than what is read ahead: the rest of it is waited for."""
        connection, wire = self.connection(max_line=3 * READ_AHEAD)
        connection.dataReceived(b"x" * 2 * READ_AHEAD)
        self.assertEqual("paused", wire.producerState)
        waited = self.line(connection)
        self.assertEqual("producing", wire.producerState)
        connection.dataReceived(b"x" * 2 * READ_AHEAD)
        self.assertEqual(Odd.TOO_LONG, self.successResultOf(waited))

    def test_unread(self) -> None:
        """For a client that doesn't read no more is kept than was said."""
        connection, wire = self.connection(max_unread=100)
        connection.pauseProducing()
        self.assertTrue(connection.write(b"x" * 100))
        connection.resumeProducing()
        connection.pauseProducing()
        self.assertTrue(connection.write(b"x" * 100))
        self.assertFalse(connection.write(b"x"))
        self.assertTrue(wire.disconnected)
        self.assertEqual("unread", connection.ended_by)

    def test_unread_refusals(self) -> None:
        """A client that only makes offers, and never reads the refusals, is closed, too."""
        connection, wire = self.connection(max_unread=100)
        connection.pauseProducing()
        connection.dataReceived(b"\xff\xfb\x01" * 40)
        self.assertTrue(wire.disconnected)

    def test_idle(self) -> None:
        """Whole lines, said or heard, keep it; half ones don't, nor is it idle while it waits for
        us."""
        connection, _ = self.connection()
        self.clock.advance(6)
        connection.write(b"x")
        self.clock.advance(6)
        connection.dataReceived(b"line\nhal")
        self.clock.advance(9)
        self.successResultOf(self.line(connection))
        self.assertEqual(["opened"], self.house.told)
        self.line(connection)
        self.clock.advance(6)
        connection.dataReceived(b"f")
        self.clock.advance(4)
        self.assertEqual(["opened", "idle"], self.house.told)

    def test_never_idle(self) -> None:
        """0 is never."""
        self.connection(idle_timeout=0)
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_close(self) -> None:
        """It is closed for writing first, so that the client gets all; then in any case."""
        connection, wire = self.connection()
        connection.dataReceived(b"never looked at\n")
        connection.close("stop")
        self.assertTrue(wire.is_half_closed)
        self.assertFalse(wire.disconnecting)
        self.assertFalse(connection.write(b"x"))
        self.assertIsNone(self.successResultOf(self.line(connection)))
        self.clock.advance(5)
        self.assertTrue(wire.disconnected)

    def test_closed_by_both(self) -> None:
        """When the client closes its side, too, that is the end."""
        for is_first in (True, False):
            connection, wire = self.connection()
            if is_first:
                connection.readConnectionLost()
            connection.close("stop")
            if not is_first:
                connection.readConnectionLost()
            self.assertTrue(wire.disconnecting)

    def test_no_rest(self) -> None:
        """A connection that is gone leaves nothing behind."""
        connection, _ = self.connection()
        connection.dataReceived(b"one\nhalf")
        connection.connectionLost()
        self.successResultOf(connection.gone)
        self.assertEqual([], self.clock.getDelayedCalls())
        self.assertEqual(b"one", self.successResultOf(self.line(connection)))
        self.assertIsNone(self.successResultOf(self.line(connection)))
        self.assertEqual(["opened", "closed"], self.house.told)


class Misbehaving(LinesCase):
    """Clients that don't do as they should, over real sockets."""

    async def test_never_reads(self) -> None:
        """A client that never reads is closed, and the application gets a nack."""
        parrot = await self.start(Parrot)
        transport, port = await self.lines(max_unread="64kB", max_line="64kB")
        client = await self.talker(port)
        await client.hear("hello\r\n")
        client.stop_reading()
        client.say((b"x" * 50_000 + b"\n") * 400)
        await self.until(lambda: any(event.event_type == "nack" for event in parrot.events))
        await self.until(lambda: parrot.said[-1] == ("close", None))
        self.assertEqual("unread", parrot.got[-1].transport_metadata["ended_by"])
        self.assertEqual(1, transport.statistics.counts["ended_by_unread"])
        self.assertEqual(0, len(transport._server))

    async def test_gone_before_reply(self) -> None:
        """The reply to a client that has gone is a nack; its session is closed."""
        parrot = await self.start(Parrot)
        transport, port = await self.lines()
        client = await self.talker(port)
        await client.hear("hello\r\n")
        await parrot.pause_connectors()
        client.say(b"one\n")
        await self.until(lambda: transport.statistics.counts["messages_in"] == 2)
        client.reset()
        await self.until(lambda: transport.statistics.counts["messages_in"] == 3)
        parrot.events.clear()
        parrot.unpause_connectors()
        await self.until(lambda: parrot.events)
        self.assertEqual("nobody is connected there", parrot.events[0].nack_reason)
        self.assertEqual([("resume", "one"), ("close", None)], parrot.said[1:])

    async def test_says_no_more(self) -> None:
        """A client that closes its own side still gets its answers, and then the end."""
        await self.start(Parrot)
        _, port = await self.lines(linger=30)
        client = await self.talker(port)
        client.say(b"one\ntwo\nhalf")
        client.half_close()
        self.assertEqual(b"hello\r\nONE\r\nTWO\r\n", await client.end())

    async def test_says_nothing(self) -> None:
        """Who is silent is told so, and closed."""
        parrot = await self.start(Parrot)
        _, port = await self.lines(idle_timeout=0.2)
        client = await self.talker(port)
        self.assertEqual(b"hello\r\nnothing was said for 0.2 s: good-bye\r\n", await client.end())
        await self.until(lambda: parrot.said[-1] == ("close", None))
        self.assertEqual("idle", parrot.got[-1].transport_metadata["ended_by"])
