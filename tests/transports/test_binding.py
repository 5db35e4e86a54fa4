"""Tests of pipeline.transports.binding."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

from twisted.internet.error import CannotListenError
from twisted.trial.unittest import TestCase

from pipeline.transports.binding import Binding, Bound


class Bindings(TestCase):
    """A socket is bound as it is said, and gone when it is closed."""

    def bind(self, **given: object) -> Bound:
        bound = Binding(**given).bind()  # type: ignore[arg-type]  # of any kind
        self.addCleanup(bound.close)
        return bound

    def connect(self, bound: Bound) -> None:
        """It is listened on, though nobody accepts."""
        with socket.create_connection(("127.0.0.1", bound.port), 10):
            pass

    def test_port(self) -> None:
        """A port is listened on and does not block who accepts; a second binding is refused."""
        bound = self.bind(host="127.0.0.1")
        self.connect(bound)
        self.assertFalse(os.get_blocking(bound.descriptor))
        with self.assertRaises(CannotListenError):
            Binding(host="127.0.0.1", port=bound.port).bind()

    def test_shared(self) -> None:
        """A port may be bound again if both say so."""
        first = self.bind(host="127.0.0.1", reuse_port=True)
        second = self.bind(host="127.0.0.1", port=first.port, reuse_port=True)
        self.assertEqual(first.port, second.port)

    def test_fallback(self) -> None:
        """When a port is taken another is bound, if that is wanted."""
        first = self.bind(host="127.0.0.1")
        second = self.bind(host="127.0.0.1", port=first.port, port_fallback=True)
        self.assertNotEqual(first.port, second.port)
        self.connect(second)

    def test_path(self) -> None:
        """A path has its mode, is locked, and is gone when it is closed."""
        path = Path(self.mktemp())
        bound = Binding(path=str(path), mode=0o600).bind()
        self.assertEqual(0o600, stat.S_IMODE(path.stat().st_mode))
        self.assertEqual(0, bound.port)
        with self.assertRaises(CannotListenError):
            Binding(path=str(path)).bind()
        bound.take(Binding(path=str(path), mode=0o640))
        self.assertEqual(0o640, stat.S_IMODE(path.stat().st_mode))
        bound.close()
        self.assertEqual([], list(path.parent.glob(f"{path.name}*")))

    def test_left(self) -> None:
        """What an owner that died left is removed: a socket, never a file. When that is gone, the
        path can be bound."""
        path = Path(self.mktemp())
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(str(path))
        self.bind(path=str(path))
        file = Path(self.mktemp())
        file.write_text("mine")
        with self.assertRaises(CannotListenError):
            Binding(path=str(file)).bind()
        self.assertEqual("mine", file.read_text())
        file.unlink()
        self.bind(path=str(file))

    def test_place(self) -> None:
        """Two bindings of one port are one place, whatever else is said."""
        one, other = Binding(port=80), Binding(port=80, backlog=5)
        self.assertEqual(one.place, other.place)
        self.assertNotEqual(one.place, Binding(port=81).place)
        self.assertEqual("unix:/run/a", Binding(path="/run/a").place)
