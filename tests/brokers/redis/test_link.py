"""A link comes up by itself, says once what changed, and ends when told."""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectError
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import LogLevel, capturedLogs
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from pipeline.brokers.redis.address import Address
from pipeline.brokers.redis.client import Client
from pipeline.brokers.redis.wire import Wire
from pipeline.errors import BrokerUnavailable
from pipeline.testing.server import shared_server
from tests.brokers.redis.support import ClientCase


class Mending(ClientCase):
    async def test_crash(self) -> None:
        """After a crash of the server the link comes up again, on a new connection."""
        down: Deferred[str] = Deferred()
        server = self.make_server()
        client = await self.connect(server.address, on_down=down.callback)
        server.kill_now()
        await down
        self.assertFalse(client.connected)
        again = client.when_up()
        server.start_now()
        await again
        self.assertEqual(b"PONG", await client.execute("PING"))
        self.assertIsNone(client.problem)

    async def test_away_at_start(self) -> None:
        """A server that is away at the start is no failure: the link comes up with it."""
        server = self.make_server()
        server.kill_now()
        client = self.make_client(server.address)
        started = client.start()
        await self.turns()
        self.assertNoResult(started)
        server.start_now()
        await started
        self.assertTrue(client.connected)

    async def test_hooks(self) -> None:
        """on_up is called before when_up fires, and an error in it hurts only the log."""
        order: list[str] = []

        def up() -> None:
            order.append("on_up")
            raise ZeroDivisionError

        client = self.make_client(on_up=up)
        await client.start().addCallback(lambda _: order.append("start"))
        self.assertEqual(["on_up", "start"], order)
        self.assertEqual(1, len(self.flushLoggedErrors(ZeroDivisionError)))


class Patience(SynchronousTestCase):
    """What a link does while nobody answers, on a clock."""

    def setUp(self) -> None:
        self.reactor = MemoryReactorClock()
        self.client = Client(Address("unix", path="/nowhere"), self.reactor)
        self.started = self.client.start()

    def fail_once(self) -> float:
        """Fail an attempt to connect; give the pause before the next."""
        factory = self.reactor.unixClients[-1][1]
        factory.clientConnectionFailed(None, Failure(ConnectError(string="nobody there")))
        (call,) = self.reactor.getDelayedCalls()
        pause: float = call.getTime() - self.reactor.seconds()
        self.reactor.advance(pause)
        return pause

    def test_pauses(self) -> None:
        """Pauses double from 50 ms to 2 s, each shortened by chance, to half at most."""
        for longest in (0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0):
            pause = self.fail_once()
            self.assertTrue(longest / 2 <= pause <= longest + 1e-9, (longest, pause))

    def test_one_line_per_change(self) -> None:
        """However many attempts it takes, that the server is away is logged once, and kept."""
        with capturedLogs() as logged:
            for _ in range(5):
                self.fail_once()
        self.assertEqual([LogLevel.warn], [event["log_level"] for event in logged])
        self.assertIn("nobody there", self.client.problem or "")

    def test_fails_at_once(self) -> None:
        """While there is no connection, commands fail at once and say why there is none."""
        self.fail_once()
        why = self.failureResultOf(self.client.execute("PING"), BrokerUnavailable)
        self.assertIn("/nowhere", str(why.value))
        self.assertIn("nobody there", str(why.value))

    def tearDown(self) -> None:
        self.client.stop()
        self.failureResultOf(self.started, BrokerUnavailable)
        self.assertEqual([], self.reactor.getDelayedCalls())


class Ending(ClientCase):
    async def test_stop(self) -> None:
        """When stop fires the server has seen the last of the connection; on_down is not told."""
        told: list[str] = []
        watcher = await self.connect()
        client = await self.connect(name=self.key, on_down=told.append)
        self.assertIn(self.key.encode(), await watcher.execute("CLIENT", "LIST"))
        await client.stop()
        self.assertNotIn(self.key.encode(), await watcher.execute("CLIENT", "LIST"))
        self.assertEqual(([], False), (told, client.connected))

    async def test_stop_in_flight(self) -> None:
        """A command in flight fails when the client is stopped."""
        client = await self.connect()
        waiting = client.execute_blocking("BLPOP", self.key, 20, seconds=20)
        stopped = client.stop()
        with self.assertRaises(BrokerUnavailable):
            await waiting
        await stopped

    async def test_stop_while_away(self) -> None:
        """Stopping fails those who wait for a connection, and ends the attempts."""
        client = self.make_client(Address("unix", path=self.mktemp()))
        started = client.start()
        await self.turns()
        await client.stop()
        self.failureResultOf(started, BrokerUnavailable)

    async def test_stop_while_connecting(self) -> None:
        """A link that is stopped in the middle of connecting leaves nothing behind."""
        client = self.make_client()
        started = client.start()
        await client.stop()
        self.failureResultOf(started, BrokerUnavailable)

    async def test_stop_while_looking_up(self) -> None:
        """Nothing is said of a server that nobody wants any more, as that it has no such name."""
        client = self.make_client(Address("redis", "127.0.0.1", 1))
        with capturedLogs() as logged:
            client.start().addErrback(lambda _: None)
            await client.stop()
        self.assertEqual([], [each["log_format"] for each in logged])

    async def test_stop_twice(self) -> None:
        """Stopping what is stopped, or never started, is nothing."""
        client = self.make_client()
        await client.stop()
        await client.start()
        first, second = client.stop(), client.stop()
        await first
        await second

    async def test_start_again(self) -> None:
        """A stopped link may be started again, and starting twice makes one connection."""
        client = await self.connect(name=self.key)
        await client.stop()
        await client.start()
        await client.start()
        wire = Wire(shared_server())
        self.addCleanup(wire.close)
        self.assertEqual(1, wire.call("CLIENT", "LIST").count(self.key.encode()))

    async def test_stop_frozen(self) -> None:
        """A server that is frozen holds up nobody who stops."""
        server = self.make_server()
        client = await self.connect(server.address)
        self.freeze(server)
        waiting = client.execute("PING")
        await client.stop()
        self.failureResultOf(waiting, BrokerUnavailable)

    async def test_stop_by_on_down(self) -> None:
        """Who learns of a loss may stop the link there and then."""
        stopped: Deferred[None] = Deferred()
        server = self.make_server()
        client = self.make_client(
            server.address, on_down=lambda why: client.stop().chainDeferred(stopped)
        )
        await client.start()
        server.kill_now()
        await stopped
        self.failureResultOf(client.execute("PING"), BrokerUnavailable)

    async def test_stop_by_on_up(self) -> None:
        """Who learns of a connection may stop the link there and then."""
        stopped: Deferred[None] = Deferred()
        client = self.make_client(on_up=lambda: client.stop().chainDeferred(stopped))
        started = client.start()
        await stopped
        self.assertTrue(started.called)
        started.addErrback(lambda why: why.trap(BrokerUnavailable))
        self.assertFalse(client.connected)

    async def test_stop_by_lost_command(self) -> None:
        """Who loses a command may stop the link there and then."""
        server = self.make_server()
        client = await self.connect(server.address)
        lost = client.execute_blocking("BLPOP", self.key, 20, seconds=20)
        lost.addErrback(lambda why: client.stop())
        await self.turns()
        server.kill_now()
        await lost
        self.assertFalse(client.connected)

    async def test_when_up_cancelled(self) -> None:
        """Who waits for a connection may give up, and others still learn of it."""
        client = self.make_client()
        gone, kept = client.when_up(), client.when_up()
        gone.cancel()
        self.failureResultOf(gone, CancelledError)
        await client.start()
        self.assertIsNone(self.successResultOf(kept))
