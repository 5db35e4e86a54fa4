"""What systemd is told: that we are ready, that we stop, and again and again that we live.

The protocol is sd_notify(3)'s: datagrams of ``NAME=value`` lines to a socket that is named in the
environment. Whoever isn't a service of systemd's has no such socket, and none of this runs.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from typing import Any

from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from pipeline.service.monitor.health import Health, Verdict

__all__ = ["Notifier", "Systemd"]

#: The longest text about our state, in characters.
LONGEST = 500


class Notifier:
    """Sends to the socket of a service manager. It never waits, and never fails.

    :param address: a path, or ``@`` and a name for one in the abstract namespace.
    :param watchdog: seconds within which it wants to hear that we live; 0: it doesn't.
    """

    log = Logger()

    def __init__(self, address: str, watchdog: float = 0.0) -> None:
        self.watchdog = watchdog
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._has_failed = False

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Notifier | None:
        """The one that the environment names; None when there is none, or none of this kind."""
        address = environment.get("NOTIFY_SOCKET", "")
        if not address.startswith(("/", "@")):
            return None
        microseconds = environment.get("WATCHDOG_USEC", "")
        is_ours = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        has_watchdog = microseconds.isascii() and microseconds.isdigit() and is_ours
        return cls(address, int(microseconds) / 1e6 if has_watchdog else 0.0)

    def tell(self, **state: str) -> None:
        """Send these, as ``READY="1"``; an error is logged once."""
        lines = (f"{name}={' '.join(value.split())[:LONGEST]}" for name, value in state.items())
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.setblocking(False)
                sender.sendto("\n".join(lines).encode(), self._address)
        except OSError as error:
            if not self._has_failed:
                self._has_failed = True
                self.log.warn("systemd can't be told: {why}", why=str(error))


class Systemd:
    """Tells a service manager how a system is.

    ``WATCHDOG=1`` is sent from the reactor, at half the time that is allowed, and only while the
    process lives as ``/live`` has it: one that is blocked is restarted.

    :param notifier: where it is told.
    :param health: how it is.
    :param clock: the reactor.
    """

    log = Logger()

    def __init__(self, notifier: Notifier, health: Health, clock: Any) -> None:
        self._notifier = notifier
        self._health = health
        self._clock = clock
        self._told = ""
        self._watching: LoopingCall | None = None

    def start(self) -> None:
        """Tell that we are ready, and from now on that we live."""
        self._notifier.tell(READY="1", STATUS="started")
        self._health.observers.append(self._seen)
        if self._notifier.watchdog:
            self._watching = LoopingCall(self._live)
            self._watching.clock = self._clock
            self._watching.start(self._notifier.watchdog / 2).addErrback(self._gone_silent)

    def stop(self) -> None:
        """Tell that we stop; we go on living until we have."""
        if self._seen in self._health.observers:
            self._health.observers.remove(self._seen)
        self._notifier.tell(STOPPING="1", STATUS="stopping")

    def end(self) -> None:
        """Tell nothing more."""
        if self._watching is not None and self._watching.running:
            self._watching.stop()

    def _live(self) -> None:
        if not self._health.look().live:
            self._notifier.tell(WATCHDOG="1")

    def _seen(self, seen: Verdict) -> None:
        status = f"not ready: {seen.unready[0]}" if seen.unready else "ready"
        if status != self._told:
            self._told = status
            self._notifier.tell(STATUS=status)

    def _gone_silent(self, failure: Failure) -> None:
        self.log.failure("systemd is no longer told that we live", failure)
