"""Tests of pipeline.brokers.blocking.inbox."""

from __future__ import annotations

from typing import Any

from pipeline.brokers.redis.wire import Wire
from pipeline.delivery import Post, Settled
from pipeline.errors import BrokerUnavailable
from tests.brokers.blocking.support import BlockingCase

MINE = "tasks.outbound@me"


class Inbox(BlockingCase):
    """A queue of this process's own."""

    def opened(self) -> Any:
        """The inbox, open; its broker is closed in the end."""
        inbox = self.broker.consumer(MINE, 0, True)
        self.now(inbox.open())
        self.addCleanup(self.broker.close)
        return inbox

    def came(self, seconds: float = 10) -> None:
        """Read once, and give out what came."""
        self.broker.give_out(self.broker.read(seconds))

    def post(self, *payloads: bytes) -> None:
        """Somebody answers."""
        other = self.make()
        self.now(other.publish([Post(MINE, payload) for payload in payloads]))

    def test_round(self) -> None:
        """What is published for this process is taken, acknowledged, and gone."""
        inbox = self.opened()
        self.post(b"1", b"2")
        taking = inbox.take(10)
        self.assertNoResult(taking)
        self.came()
        taken = self.now(taking)
        self.assertEqual([b"1", b"2"], [delivery.payload for delivery in taken])
        self.assertEqual([Settled.WON] * 2, self.now(inbox.settle(taken)))
        self.assertEqual((0, {}), (self.wire.call("XLEN", inbox.stream), inbox.in_hand))

    def test_nothing(self) -> None:
        """Where nothing comes, reading ends after its time; without inboxes at once."""
        self.assertEqual([], self.broker.read(60))
        self.opened()
        self.assertEqual([], self.broker.read(0.01))

    def test_alive(self) -> None:
        """Who has an inbox beats, so that nobody takes it for dead."""
        self.opened()
        beats = self.broker.layouts[0].beats
        self.assertEqual([self.broker.worker_id.encode()], self.wire.call("ZRANGE", beats, 0, -1))
        self.broker.close()
        self.assertEqual([], self.wire.call("ZRANGE", beats, 0, -1))

    def test_lost_reply(self) -> None:
        """What was read, and never came here, is read again."""
        inbox = self.opened()
        self.post(b"1")
        self.broker.read(10)  # as if its reply had been lost
        self.broker._is_doubtful = True
        taking = inbox.take(10)
        self.came()
        self.assertEqual([b"1"], [delivery.payload for delivery in self.now(taking)])
        self.now(inbox.settle(list(inbox.in_hand.values())))
        self.came()
        self.assertFalse(self.broker._is_doubtful)

    def test_server_lost(self) -> None:
        """A server that is away is told; one that has lost the queue has it made anew."""
        server = self.own()
        self.broker = self.make(address=server.address, timeout=1)
        inbox = self.opened()
        server.kill_now()
        with self.assertRaises(BrokerUnavailable):
            self.broker.read(0.1)
        server.start_now()
        self.came(0.1)
        self.assertEqual(1, Wire(server.address).call("EXISTS", inbox.stream))

    def test_closed(self) -> None:
        """What still lies there when it is given up is a dead letter; so is what comes later."""
        inbox = self.opened()
        self.post(b"1")
        self.now(inbox.close())
        self.post(b"2")
        letters = self.wire.call("XLEN", self.broker.layouts[0].dead(MINE))
        self.assertEqual((2, 0), (letters, self.wire.call("EXISTS", inbox.stream)))

    def test_interrupt(self) -> None:
        """A take can be ended, with nothing."""
        inbox = self.opened()
        taking = inbox.take(1)
        self.now(inbox.interrupt())
        self.assertEqual([], self.now(taking))
