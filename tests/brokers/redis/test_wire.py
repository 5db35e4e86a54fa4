"""The blocking client works where there is no reactor, and is never stuck."""

from __future__ import annotations

import os
import signal
import time
from threading import Thread

from twisted.trial.unittest import SynchronousTestCase

from pipeline.brokers.redis.address import Address
from pipeline.brokers.redis.script import Script
from pipeline.brokers.redis.wire import Wire
from pipeline.errors import BrokerUnavailable, ServerRefused
from pipeline.testing.server import own_server, shared_server, unique_namespace


class Calls(SynchronousTestCase):
    def wire(self, address: Address | None = None, timeout: float = 5.0) -> Wire:
        wire = Wire(address or shared_server(), timeout=timeout)
        self.addCleanup(wire.close)
        return wire

    def test_raw_replies(self) -> None:
        """Replies come as the server sent them."""
        wire, key = self.wire(), unique_namespace()
        replies = [
            wire.call("SET", key, "007"),
            wire.call("GET", key),
            wire.call("STRLEN", key),
            wire.call("GET", key + "-not"),
            wire.call("MGET", key, key + "-not"),
        ]
        self.assertEqual([b"OK", b"007", 3, None, [b"007", None]], replies)

    def test_large(self) -> None:
        """Megabytes pass both ways."""
        data = b"0123456789abcdef" * 200_000
        self.assertTrue(data == self.wire().call("ECHO", data))

    def test_refused(self) -> None:
        """An error reply is raised with its code, and the connection goes on."""
        wire, key = self.wire(), unique_namespace()
        wire.call("SET", key, 1)
        error = self.assertRaises(ServerRefused, wire.call, "LPUSH", key, 1)
        self.assertEqual("WRONGTYPE", error.code)
        self.assertEqual(b"1", wire.call("GET", key))

    def test_script(self) -> None:
        """A script runs though the server forgot it."""
        server = own_server()
        self.addCleanup(server.stop_now)
        wire, script = self.wire(server.address), Script("echo", "return {KEYS[1], ARGV[1]}")
        for _ in range(2):
            self.assertEqual([b"k", b"v"], wire.run(script, ["k"], ["v"]))
            wire.call("SCRIPT", "FLUSH")

    def test_script_error(self) -> None:
        """An error of the script itself is raised, not tried again."""
        broken = Script("broken", "return redis.error_reply('MINE went wrong')")
        error = self.assertRaises(ServerRefused, self.wire().run, broken, [], [])
        self.assertEqual("MINE", error.code)

    def test_thread(self) -> None:
        """It works in a thread while the main one does something else."""
        wire, replies = self.wire(), []
        thread = Thread(target=lambda: replies.append(wire.call("PING")))
        thread.start()
        thread.join()
        self.assertEqual([b"PONG"], replies)


class Trouble(SynchronousTestCase):
    def setUp(self) -> None:
        self.server = own_server()
        self.addCleanup(self.server.stop_now)

    def wire(self, *, timeout: float = 5.0, **who: str) -> Wire:
        wire = Wire(Address("unix", path=self.server.socket_path, **who), timeout=timeout)
        self.addCleanup(wire.close)
        return wire

    def test_comes_back(self) -> None:
        """While the server is away each call fails; when it is back the next one works."""
        wire = self.wire()
        wire.call("PING")
        self.server.kill_now()
        for _ in range(2):
            self.assertRaises(BrokerUnavailable, wire.call, "PING")
        self.server.start_now()
        self.assertEqual(b"PONG", wire.call("PING"))

    def test_frozen(self) -> None:
        """A server that says nothing costs the time-out, and not more."""
        wire = self.wire(timeout=0.2)
        wire.call("PING")
        os.kill(self.server.pid or 0, signal.SIGSTOP)
        self.addCleanup(self.server.kill_now)
        for _ in range(2):
            since = time.monotonic()
            error = self.assertRaises(BrokerUnavailable, wire.call, "PING")
            self.assertTrue(0.15 < time.monotonic() - since < 2)
            self.assertIn(self.server.socket_path, str(error))

    def test_late_reply(self) -> None:
        """A reply that comes too late is not taken for the next call's."""
        wire = self.wire(timeout=0.1)
        self.assertRaises(BrokerUnavailable, wire.call, "BLPOP", "k", "0.2")
        self.assertEqual(b"mine", wire.call("ECHO", "mine"))

    def test_acl_user(self) -> None:
        """User, password and database are used; a wrong password is told and never shown."""
        self.wire().call("ACL", "SETUSER", "me", "on", ">pw", "~*", "&*", "+@all")
        self.assertEqual(b"me", self.wire(user="me", password="pw").call("ACL", "WHOAMI"))
        wrong = self.wire(user="me", password="s3cr3t")
        for _ in range(2):
            error = self.assertRaises(ServerRefused, wrong.call, "PING")
            self.assertEqual("WRONGPASS", error.code)
            self.assertNotIn("s3cr3t", repr(error))

    def test_tcp(self) -> None:
        """A port where nobody listens is no connection."""
        wire = Wire(Address("redis", host="127.0.0.1", port=1))
        self.assertRaises(BrokerUnavailable, wire.call, "PING")
