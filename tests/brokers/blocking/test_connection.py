"""Tests of pipeline.brokers.blocking.connection."""

from __future__ import annotations

import time
from typing import Any

from pipeline.brokers.blocking.connection import BlockingConnection
from pipeline.brokers.redis.address import Address
from pipeline.brokers.redis.script import Script
from pipeline.brokers.redis.wire import Wire
from pipeline.errors import BrokerUnavailable, ServerRefused
from tests.brokers.blocking.support import BlockingCase


class Calling(BlockingCase):
    """Commands and scripts, and what goes wrong with them."""

    def test_replies(self) -> None:
        """Replies are as the server sends them, whatever redis-py would make of them."""
        call = self.broker.connection.call
        key = f"{self.namespace}:h"
        call("HSET", key, "f", b"\xff")
        self.assertEqual([b"f", b"\xff"], call("HGETALL", key))
        self.assertEqual((1, None), (call("HEXISTS", key, "f"), call("GET", f"{key}2")))

    def test_script(self) -> None:
        """A script that the server doesn't know is sent whole, once."""
        script = Script("t", f"return ARGV[1] .. '{self.namespace}'")
        for _ in range(2):
            reply = self.broker.connection.run(script, [], ["x"])
            self.assertEqual(f"x{self.namespace}".encode(), reply)

    def test_refused(self) -> None:
        """An error of the server is one, with its code, also where redis-py hides that."""
        server = self.own()
        connection = BlockingConnection(server.address, 5)
        self.addCleanup(connection.close)
        connection.call("SET", "k", "text")
        Wire(server.address).call("CONFIG", "SET", "maxmemory", "1")
        refused: dict[str, tuple[Any, ...]] = {
            "WRONGTYPE": ("HGET", "k", "f"),
            "OOM": ("SET", "k2", "x"),
            "": ("NONSENSE",),
        }
        for code, command in refused.items():
            with self.assertRaises(ServerRefused) as raised:
                connection.call(*command)
            self.assertEqual(code, raised.exception.code)
        self.assertTrue(ServerRefused("x", "OOM").is_passing)

    def test_away(self) -> None:
        """A server that is away fails a call soon, and is found again when it is back."""
        server = self.own()
        connection = BlockingConnection(server.address, 1)
        self.addCleanup(connection.close)
        connection.call("PING")
        server.kill_now()
        began = time.monotonic()
        with self.assertRaisesRegex(BrokerUnavailable, "no connection to"):
            connection.call("PING")
        self.assertLess(time.monotonic() - began, 10)
        server.start_now()
        self.assertEqual(b"PONG", connection.call("PING"))

    def test_password(self) -> None:
        """A wrong password is said, and is in no text."""
        server = self.own()
        Wire(server.address).call("CONFIG", "SET", "requirepass", "right")
        address = Address("unix", path=server.address.path, password="wrongsecret")
        connection = BlockingConnection(address, 5)
        self.addCleanup(connection.close)
        with self.assertRaises((BrokerUnavailable, ServerRefused)) as raised:
            connection.call("PING")
        self.assertNotIn("wrongsecret", f"{raised.exception} {connection!r}")
