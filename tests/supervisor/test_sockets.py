"""Tests of pipeline.supervisor.sockets."""

from __future__ import annotations

import socket
from pathlib import Path

from twisted.internet.error import CannotListenError
from twisted.trial.unittest import TestCase

from pipeline.supervisor.sockets import Sockets
from pipeline.transports.binding import Binding
from tests.test_two_processes import free_port

HOST = "127.0.0.1"


class Keeping(TestCase):
    """Sockets stay as long as a configuration has them."""

    def setUp(self) -> None:
        self.sockets = Sockets()
        self.addCleanup(self.sockets.close)

    def is_open(self, port: int) -> bool:
        with socket.socket() as client:
            return client.connect_ex((HOST, port)) == 0

    def test_next(self) -> None:
        """What the next configuration has, too, is the same socket; what it hasn't is closed."""
        first, second = free_port(), free_port()
        old = {"a": Binding(host=HOST, port=first), "b": Binding(host=HOST, port=second)}
        self.sockets.bind(old)
        number = self.sockets.descriptors(old)["a"]
        new = {"other": Binding(host=HOST, port=first, backlog=7)}
        self.sockets.bind(new)
        self.assertEqual({"other": number}, self.sockets.descriptors(new))
        self.sockets.keep(new)
        self.assertEqual((True, False), (self.is_open(first), self.is_open(second)))
        self.sockets.close()
        self.assertFalse(self.is_open(first))

    def test_taken(self) -> None:
        """When one of several can't be bound none is, and what was there stays."""
        path, port = str(Path(self.mktemp())), free_port()
        self.sockets.bind({"a": Binding(host=HOST, port=port)})
        with socket.socket() as other:
            other.bind((HOST, 0))
            other.listen()
            taken = {
                "new": Binding(path=path),
                "taken": Binding(host=HOST, port=other.getsockname()[1]),
            }
            with self.assertRaises(CannotListenError):
                self.sockets.bind(taken)
            self.assertFalse(Path(path).exists())
            self.assertTrue(self.is_open(port))
            fallen = Binding(host=HOST, port=other.getsockname()[1], port_fallback=True)
            self.sockets.bind({"fallen": fallen})
