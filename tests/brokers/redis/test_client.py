"""A client answers with what the server said, or fails at once and says why."""

from __future__ import annotations

import dataclasses
import socket
from typing import Any

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.protocol import Factory, Protocol
from twisted.logger import LogLevel, capturedLogs, formatEvent

from pipeline.brokers.redis.address import Address
from pipeline.brokers.redis.script import Script
from pipeline.brokers.redis.wire import Wire
from pipeline.errors import BrokerUnavailable, ServerRefused
from pipeline.testing.server import shared_server
from tests.brokers.redis.support import ClientCase

ECHO = Script("echo", "return {KEYS[1], ARGV[1], 7}")


class Commands(ClientCase):
    async def test_raw_replies(self) -> None:
        """Replies come as the server sent them: no number is made of text, nothing is decoded."""
        client = await self.connect()
        replies = [
            await client.execute("SET", self.key, "007"),
            await client.execute("GET", self.key),
            await client.execute("STRLEN", self.key),
            await client.execute("GET", self.key + "-not"),
            await client.execute("MGET", self.key, self.key + "-not"),
        ]
        self.assertEqual([b"OK", b"007", 3, None, [b"007", None]], replies)

    async def test_flush(self) -> None:
        """The first command leaves at once, and others with the reactor's turn or by a flush."""
        client = await self.connect()
        wire = Wire(shared_server())
        self.addCleanup(wire.close)

        def found(key: str) -> Any:
            asked = (wire.call("GET", key) for _ in range(10_000))
            return next(filter(None, asked), None)

        first = client.execute("SET", self.key, 1)
        self.assertEqual(b"1", found(self.key))
        second = client.execute("SET", self.key + "-2", 2)
        self.assertIsNone(wire.call("GET", self.key + "-2"))
        client.flush()
        self.assertEqual(b"2", found(self.key + "-2"))
        await gatherResults([first, second])

    async def test_words(self) -> None:
        """A word is bytes, text that goes out as UTF-8, or a number."""
        client = await self.connect()
        for word, back in ((b"\xff\r\n\0", b"\xff\r\n\0"), ("ü", b"\xc3\xbc"), (-5, b"-5")):
            self.assertEqual(back, await client.execute("ECHO", word))

    async def test_bad_words(self) -> None:
        """What can't be a word fails its own command and disturbs no other."""
        client = await self.connect()
        bad: Any = None
        self.failureResultOf(client.execute("ECHO", bad), TypeError)
        self.failureResultOf(client.execute_many([("PING",), ("ECHO", "\udc80")]), ValueError)
        self.assertEqual(b"PONG", await client.execute("PING"))

    async def test_large(self) -> None:
        """Megabytes pass both ways, in many pieces."""
        client = await self.connect()
        data = b"0123456789abcdef" * 500_000
        self.assertTrue(data == await client.execute("ECHO", data))

    async def test_refused(self) -> None:
        """An error reply fails with the server's text and its first word as the code."""
        client = await self.connect()
        await client.execute("SET", self.key, 1)
        with self.assertRaises(ServerRefused) as caught:
            await client.execute("LPUSH", self.key, 1)
        self.assertEqual("WRONGTYPE", caught.exception.code)
        self.assertIn("Operation against a key", str(caught.exception))

    async def test_nested_error(self) -> None:
        """An error inside a reply stays there, and the connection lives."""
        client = await self.connect()
        reply = await client.execute("EVAL", "return {1, redis.pcall('no-such'), 2}", 0)
        self.assertIsInstance(reply[1], ServerRefused)
        self.assertEqual([1, 2], [reply[0], reply[2]])

    async def test_order(self) -> None:
        """Replies find their commands, single ones and batches mixed."""
        client = await self.connect()
        sent: list[Deferred[Any]] = []
        for n in range(50):
            sent.append(client.execute("ECHO", n))
            sent.append(client.execute_many([("ECHO", n), ("ECHO", -n)]))
        replies = await gatherResults(sent)
        wanted = [r for n in range(50) for r in (b"%d" % n, [b"%d" % n, b"%d" % -n])]
        self.assertEqual(wanted, replies)

    async def test_name_and_number(self) -> None:
        """The server knows the connection by its name, and we by its number."""
        client = await self.connect(name=self.key)
        listed = await client.execute("CLIENT", "LIST", "ID", client.client_id or 0)
        self.assertIn(b"name=" + self.key.encode(), listed)
        await client.stop()
        self.assertIsNone(client.client_id)

    async def test_txredisapi(self) -> None:
        """txredisapi's own methods work on the same connection."""
        client = await self.connect()
        protocol: Any = client._protocol
        await protocol.hset(self.key, "a", "1")
        self.assertEqual({b"a": b"1"}, await protocol.hgetall(self.key))


class Batches(ClientCase):
    async def test_error_inside(self) -> None:
        """One refused command of a batch is an error in its place; the others are done."""
        client = await self.connect()
        replies = await client.execute_many(
            [("SET", self.key, 1), ("LPUSH", self.key, 1), ("INCR", self.key)]
        )
        self.assertEqual([b"OK", 2], [replies[0], replies[2]])
        self.assertEqual("WRONGTYPE", replies[1].code)

    async def test_empty(self) -> None:
        """A batch of nothing has no replies, at once."""
        client = await self.connect()
        self.assertEqual([], self.successResultOf(client.execute_many([])))

    async def test_down(self) -> None:
        """Without a connection every way of sending fails at once, and none raises."""
        client = self.make_client()
        for sent in (
            client.execute("PING"),
            client.execute_many([("PING",)]),
            client.execute_blocking("PING", seconds=1),
            client.run(ECHO, ["k"], ["v"]),
        ):
            self.failureResultOf(sent, BrokerUnavailable)

    async def test_unasked(self) -> None:
        """A connection that says what nobody asked for is given up and made anew."""
        down: Deferred[str] = Deferred()
        client = await self.connect(on_down=down.callback)
        await client.execute("SUBSCRIBE", self.key)
        other = await self.connect()
        await other.execute("PUBLISH", self.key, "surprise")
        self.assertIn("nobody asked for", await down)
        await client.when_up()

    async def test_lost(self) -> None:
        """A batch fails as a whole when the connection is lost before its last reply."""
        server = self.make_server()
        client = await self.connect(server.address)
        batch = client.execute_many([("PING",), ("BLPOP", "never", 20)])
        await self.turns()
        server.kill_now()
        with self.assertRaises(BrokerUnavailable):
            await batch


class Bounds(ClientCase):
    async def test_max_pending(self) -> None:
        """More commands than may wait fail at once; when replies came there is room again."""
        client = await self.connect(name="bounded", max_pending=3)
        full = client.execute_many([("PING",)] * 3)
        why = self.failureResultOf(client.execute("PING"), BrokerUnavailable)
        self.assertIn("too many commands in flight", str(why.value))
        self.assertEqual([b"PONG"] * 3, await full)
        self.assertEqual(b"PONG", await client.execute("PING"))

    async def test_send_buffer(self) -> None:
        """The system takes more at once than it does of a Unix socket as it comes."""
        client = await self.connect()
        assert client._protocol is not None
        with socket.socket(socket.AF_UNIX) as usual:
            most = [
                each.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
                for each in (client._protocol.transport.socket, usual)
            ]
        self.assertGreater(*most)

    async def test_tightest(self) -> None:
        """The greeting is no command of the caller's: one at a time is a bound that works."""
        address = dataclasses.replace(shared_server(), db=1)
        client = await self.connect(address, name="tight", max_pending=1)
        self.assertEqual(b"PONG", await client.execute("PING"))

    async def test_half_open(self) -> None:
        """A server that keeps its connection and says nothing is given up in time."""
        down: Deferred[str] = Deferred()
        server = self.make_server()
        client = await self.connect(server.address, reply_timeout=0.2, on_down=down.callback)
        self.freeze(server)
        since = self.reactor.seconds()
        with self.assertRaises(BrokerUnavailable):
            await client.execute("PING")
        self.assertLess(self.reactor.seconds() - since, 2)
        self.assertIn("no reply for 0.2 s", await down)

    async def test_blocking(self) -> None:
        """A command that says how long it blocks is not taken for a dead server."""
        client = await self.connect(reply_timeout=0.3)
        reply = await client.execute_blocking("BLPOP", self.key, "0.6", seconds=0.6)
        self.assertIsNone(reply)
        self.assertTrue(client.connected)

    async def test_blocked_reactor(self) -> None:
        """A reactor that was blocked for long does not take the server for dead."""
        client = await self.connect(reply_timeout=0.05)
        answer = client.execute("PING")
        until = self.reactor.seconds() + 0.2
        while self.reactor.seconds() < until:
            pass
        self.assertEqual(b"PONG", await answer)

    async def test_unblock(self) -> None:
        """Another connection ends a blocking command by the client's number."""
        client, other = await self.connect(), await self.connect()
        waiting = client.execute_blocking("BLPOP", self.key, 20, seconds=20)
        unblock = ("CLIENT", "UNBLOCK", client.client_id or 0)
        while not await other.execute(*unblock):
            pass
        self.assertIsNone(await waiting)

    async def test_cancelled(self) -> None:
        """A cancelled command's reply is not given to the next one."""
        client = await self.connect()
        gone = client.execute("ECHO", "gone")
        gone.addErrback(lambda why: None)
        gone.cancel()
        self.assertEqual(b"kept", await client.execute("ECHO", "kept"))


class Scripts(ClientCase):
    async def test_run(self) -> None:
        """A script runs though the server never heard of it, and by its hash from then on."""
        server = self.make_server()
        client = await self.connect(server.address)
        for _ in range(2):
            self.assertEqual([b"k", b"v", 7], await client.run(ECHO, ["k"], ["v"]))
        calls = await client.execute("INFO", "commandstats")
        self.assertIn(b"cmdstat_eval:calls=1,", calls)
        self.assertIn(b"cmdstat_evalsha:calls=2,", calls)

    async def test_flushed(self) -> None:
        """A server that forgot its scripts is taught them again, unseen."""
        server = self.make_server()
        client = await self.connect(server.address)
        await client.run(ECHO, ["k"], ["v"])
        await client.execute("SCRIPT", "FLUSH")
        runs = [client.run(ECHO, ["k"], [n]) for n in range(5)]
        self.assertEqual([[b"k", b"%d" % n, 7] for n in range(5)], await gatherResults(runs))

    async def test_error(self) -> None:
        """An error of the script itself is not tried again."""
        client = await self.connect()
        broken = Script("broken", "return redis.error_reply('MINE went wrong')")
        with self.assertRaises(ServerRefused) as caught:
            await client.run(broken, [], [])
        self.assertEqual("MINE", caught.exception.code)


class Access(ClientCase):
    def secured(self) -> Address:
        """A server with a user of its own, as who may do everything."""
        self.server = self.make_server()
        self.boss = self.server.address
        self.tell(self.server, "ACL", "SETUSER", "boss", "on", ">letmein", "~*", "&*", "+@all")
        return Address("unix", path=self.server.socket_path, user="boss", password="letmein", db=3)

    async def test_acl_user(self) -> None:
        """User, password and database are used on every new connection."""
        down: Deferred[str] = Deferred()
        client = await self.connect(self.secured(), on_down=down.callback)
        other = await self.connect(self.boss)
        for _ in range(2):
            self.assertEqual(b"boss", await client.execute("ACL", "WHOAMI"))
            info = await client.execute("CLIENT", "LIST", "ID", client.client_id or 0)
            self.assertIn(b" db=3 ", info)
            if not down.called:
                await other.execute("CLIENT", "KILL", "ID", client.client_id or 0)
                await down
                await client.when_up()

    async def test_wrong_password(self) -> None:
        """A wrong password is told, never shown, and when it is right the client comes up."""
        self.secured()
        wrong = Address("unix", path=self.server.socket_path, user="boss", password="s3cr3t")
        with capturedLogs() as logged:
            client = self.make_client(wrong)
            started = client.start()
            while client.problem is None:
                await self.turns()
            self.assertIn("WRONGPASS", client.problem)
            self.failureResultOf(client.execute("PING"), BrokerUnavailable)
            while b"acl_access_denied_auth:3" not in self.tell(self.server, "INFO", "stats"):
                await self.turns()
            self.tell(self.server, "ACL", "SETUSER", "boss", ">s3cr3t")
            await started
        self.assertIsNone(client.problem)
        errors = [formatEvent(e) for e in logged if e["log_level"] is LogLevel.error]
        self.assertEqual(1, len(errors))
        self.assertIn("WRONGPASS", errors[0])
        self.assertNotIn("s3cr3t", repr(logged))

    async def test_no_password(self) -> None:
        """A server that wants a password is not taken for one that serves us."""
        server = self.make_server()
        self.tell(server, "CONFIG", "SET", "requirepass", "pw")
        client = self.make_client(Address("unix", path=server.socket_path))
        started = client.start()
        started.addErrback(lambda why: why.trap(BrokerUnavailable))
        while client.problem is None:
            await self.turns()
        self.assertIn("NOAUTH", client.problem)

    async def test_few_rights(self) -> None:
        """A user who may not even PING is connected, and has no number."""
        self.secured()
        self.tell(self.server, "ACL", "SETUSER", "few", "on", ">pw", "~*", "+get")
        few = Address("unix", path=self.server.socket_path, user="few", password="pw")
        client = await self.connect(few, name="few")
        self.assertIsNone(await client.execute("GET", "k"))
        self.assertIsNone(client.client_id)


class Strangers(ClientCase):
    async def said(self, words: bytes) -> str:
        """What a client says of a server that says these words to whoever comes, and hangs up."""

        class Stranger(Protocol):
            def connectionMade(self) -> None:
                self.transport.write(words)
                self.transport.loseConnection()

        path = self.mktemp()[-60:].replace("/", "-")
        port = self.reactor.listenUNIX(path, Factory.forProtocol(Stranger))
        self.addCleanup(port.stopListening)
        client = self.make_client(Address("unix", path=path))
        client.start().addErrback(lambda why: why.trap(BrokerUnavailable))
        while client.problem is None:
            await self.turns()
        self.assertFalse(client.connected)
        return client.problem

    async def test_not_redis(self) -> None:
        """A server of another kind is told from one that is away."""
        self.assertIn("does not speak Redis' protocol", await self.said(b"HTTP/1.1 400\r\n"))

    async def test_full(self) -> None:
        """A server that has no room for us is quoted."""
        self.assertIn("max number", await self.said(b"-ERR max number of clients reached\r\n"))
