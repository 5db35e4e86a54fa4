"""What systemd is told, over real sockets."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from pipeline.service.monitor.health import Verdict
from pipeline.service.monitor.notify import Notifier, Systemd


class Manager:
    """A service manager's socket."""

    def __init__(self, address: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address)
        self._socket.settimeout(30)

    def heard(self) -> dict[str, str]:
        """The next notice."""
        lines = self._socket.recv(65536).decode().split("\n")
        return dict(line.split("=", 1) for line in lines)

    def until(self, name: str, value: str) -> None:
        """Wait for a notice of this."""
        while self.heard().get(name) != value:
            pass

    def is_quiet(self) -> bool:
        """Whether nothing more has come."""
        self._socket.setblocking(False)
        try:
            self._socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        finally:
            self._socket.settimeout(30)
        return False

    def close(self) -> None:
        """Hear nothing more."""
        self._socket.close()


class NotifyCase(TestCase):
    """Has a socket in a folder."""

    def setUp(self) -> None:
        # Short: the path of a socket has a limit.
        self.path = f"{os.path.relpath(self.mktemp())}.s"
        Path(self.path).parent.mkdir(parents=True, exist_ok=True)
        self.manager = self.managed(self.path)

    def managed(self, address: str) -> Manager:
        manager = Manager(address)
        self.addCleanup(manager.close)
        return manager


class Notices(NotifyCase):
    """Datagrams, and where they go."""

    def test_path(self) -> None:
        """A notice has a line for each thing that is told; a value has no lines of its own."""
        Notifier(self.path).tell(READY="1", STATUS="one\ntwo")
        self.assertEqual({"READY": "1", "STATUS": "one two"}, self.manager.heard())

    def test_abstract(self) -> None:
        """The socket may have a name that no file has."""
        name = f"pipeline-{os.getpid()}-notify"
        manager = self.managed(f"\0{name}")
        Notifier(f"@{name}").tell(STOPPING="1")
        self.assertEqual({"STOPPING": "1"}, manager.heard())

    def test_gone(self) -> None:
        """If nobody is there nothing happens; the log says so once."""
        notifier = Notifier("/nowhere/at/all")
        notifier.tell(READY="1")
        self.assertTrue(notifier._has_failed)
        notifier.tell(STATUS="x")

    def test_environment(self) -> None:
        """It is named in the environment; a watchdog may be another process's."""
        self.assertIsNone(Notifier.of({}))
        self.assertIsNone(Notifier.of({"NOTIFY_SOCKET": "vsock:2:1"}))
        mine = {"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "3000000"}
        for environment, seconds in (
            (mine, 3.0),
            ({**mine, "WATCHDOG_PID": str(os.getpid())}, 3.0),
            ({**mine, "WATCHDOG_PID": "1"}, 0.0),
            ({**mine, "WATCHDOG_USEC": "soon"}, 0.0),
        ):
            found = Notifier.of(environment)
            assert found is not None
            self.assertEqual(seconds, found.watchdog)


class Told:
    """Health as a test wants it."""

    def __init__(self) -> None:
        self.observers: list[Any] = []
        self.verdict = Verdict((), (), {})

    def look(self) -> Verdict:
        return self.verdict


class Life(NotifyCase):
    """From the start to the end of a service."""

    def setUp(self) -> None:
        super().setUp()
        self.clock, self.health = Clock(), Told()
        self.systemd = Systemd(Notifier(self.path, 10.0), self.health, self.clock)  # type: ignore[arg-type]  # all it needs

    def test_states(self) -> None:
        """It is ready, says what is wrong when that changes, and stops."""
        self.systemd.start()
        self.assertEqual({"READY": "1", "STATUS": "started"}, self.manager.heard())
        self.assertEqual({"WATCHDOG": "1"}, self.manager.heard())
        [seen] = self.health.observers
        for reasons in ((), (), ("no server", "no beat"), ("no server",), ()):
            seen(Verdict((), reasons, {}))
        said = [self.manager.heard()["STATUS"] for _ in range(3)]
        self.assertEqual(["ready", "not ready: no server", "ready"], said)
        self.systemd.stop()
        self.assertEqual({"STOPPING": "1", "STATUS": "stopping"}, self.manager.heard())
        self.assertEqual([], self.health.observers)
        self.systemd.end()
        self.clock.advance(100)
        self.assertTrue(self.manager.is_quiet())

    def test_watchdog(self) -> None:
        """At half the time it says that it lives, and is silent when only a restart helps."""
        self.systemd.start()
        self.manager.until("WATCHDOG", "1")
        self.clock.advance(5)
        self.assertEqual({"WATCHDOG": "1"}, self.manager.heard())
        self.health.verdict = Verdict(("stuck",), (), {})
        self.clock.advance(5)
        self.assertTrue(self.manager.is_quiet())
        self.health.verdict = Verdict((), ("no server",), {})
        self.clock.advance(5)
        self.assertEqual({"WATCHDOG": "1"}, self.manager.heard())
        self.systemd.end()
