"""Tests of pipeline.brokers.blocking.lane."""

from __future__ import annotations

from typing import Any

from pipeline.brokers.blocking.lane import BlockingLane
from pipeline.brokers.redis.wire import Wire
from pipeline.delivery import Post
from pipeline.errors import BrokerUnavailable, QueueFull, ServerRefused
from tests.brokers.blocking.support import QUEUE, BlockingCase


class Losing:
    """A connection that loses the replies, or the requests, of some calls."""

    def __init__(self, inner: Any, *losses: str) -> None:
        self._inner = inner
        self.losses = list(losses)

    def run(self, *args: Any) -> Any:
        loss = self.losses.pop(0) if self.losses else ""
        if loss == "request":
            raise BrokerUnavailable("lost")
        reply = self._inner.run(*args)
        if loss == "reply":
            raise BrokerUnavailable("lost")
        return reply


class Publishing(BlockingCase):
    """Once, and in order."""

    def lane(self, *losses: str, patience: float = 5) -> BlockingLane:
        self.connection = Losing(self.broker.connection, *losses)
        about = (self.broker.layouts[0], QUEUE, "producer", patience)
        return BlockingLane(self.connection, *about)  # type: ignore[arg-type]

    def test_in_order(self) -> None:
        """What is published lies in the queue in order, together or one by one."""
        lane = self.lane()
        lane.publish([Post(QUEUE, b"1"), Post(QUEUE, b"2")], 0)
        lane.publish([Post(QUEUE, b"3")], 0)
        self.assertEqual([b"1", b"2", b"3"], self.payloads())

    def test_lost(self) -> None:
        """A request or a reply that is lost is made good; nothing is stored twice."""
        lane = self.lane("request", "", "", "reply", "reply", "", "request")
        for number in range(4):
            lane.publish([Post(QUEUE, b"%d" % number)], 0)
        self.assertEqual(([b"0", b"1", b"2", b"3"], []), (self.payloads(), self.connection.losses))

    def test_given_up(self) -> None:
        """When the time is over it fails; what comes then is stored all the same."""
        lane = self.lane("", "", "", *["request"] * 50, patience=0.01)
        lane.publish([Post(QUEUE, b"0")], 0)
        with self.assertRaises(BrokerUnavailable):
            lane.publish([Post(QUEUE, b"1")], 0)
        self.connection.losses.clear()
        lane.publish([Post(QUEUE, b"2")], 0)
        self.assertEqual([b"0", b"2"], self.payloads())

    def test_full(self) -> None:
        """A queue that is full refuses, and takes more when it is not."""
        lane = self.lane()
        lane.publish([Post(QUEUE, b"0")], 1)
        with self.assertRaisesRegex(QueueFull, "holds 1 messages"):
            lane.publish([Post(QUEUE, b"1")], 1)
        lane.publish([Post(QUEUE, b"2")], 2)
        self.assertEqual([b"0", b"2"], self.payloads())

    def test_wrong_type(self) -> None:
        """A key of another type is told."""
        self.wire.call("SET", self.broker.layouts[0].stream(QUEUE), "x")
        with self.assertRaisesRegex(ServerRefused, "another type"):
            self.lane().publish([Post(QUEUE, b"0")], 0)

    def test_flushed(self) -> None:
        """A server that has lost everything is told anew who publishes."""
        server = self.own()
        self.broker = self.make(address=server.address)
        lane = self.lane()
        lane.publish([Post(QUEUE, b"0")], 0)
        wire = Wire(server.address)
        wire.call("FLUSHALL")
        lane.publish([Post(QUEUE, b"1")], 0)
        self.assertEqual(1, wire.call("XLEN", self.broker.layouts[0].stream(QUEUE)))

    def test_memory(self) -> None:
        """A server without memory is asked again, as long as there is patience."""
        server = self.own()
        self.broker = self.make(address=server.address)
        wire = Wire(server.address)
        wire.call("CONFIG", "SET", "maxmemory", "1")
        with self.assertRaises(ServerRefused):
            self.lane(patience=0.1).publish([Post(QUEUE, b"0")], 0)
