"""Tests of pipeline.supervisor.notices, with a real socket and small real processes."""

from __future__ import annotations

import signal
import socket
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from pipeline.service.monitor.notify import Notifier
from pipeline.supervisor.child import Child
from pipeline.supervisor.notices import Notices
from pipeline.supervisor.plan import Plan
from pipeline.supervisor.seat import Seat
from pipeline.supervisor.sockets import Sockets
from pipeline.supervisor.supervisor import Supervisor
from pipeline.testing.times import RealTime
from tests.supervisor import small


class Quiet:
    """A log that nobody reads: trial takes an error for a failure."""

    def info(self, text: str, **values: Any) -> None:
        """It is so."""

    error = info


class Telling(TestCase):
    """Systemd hears of all processes together."""

    timeout = 120

    async def test_told(self) -> None:
        """First what it waits for, then that all are ready; that a new configuration is being
        taken over; again and again that the supervisor lives; and that it stops."""
        from twisted.internet import reactor

        path = self.mktemp()
        heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(heard.close)
        heard.bind(path)
        heard.setblocking(False)
        told: list[str] = []
        programs = {1: small.READY, 2: small.DEAF}
        self.patch(Seat, "log", Quiet())

        def has_heard(text: str) -> bool:
            try:
                told.append(heard.recv(4096).decode())
            except BlockingIOError:
                return False
            return text in told[-1]

        def spawn(number: int, plan: Plan) -> Child:
            return Child.spawn(small.small(programs[number], number), reactor, lambda line: None)

        checking: Deferred[Plan] = Deferred()
        supervisor = Supervisor(
            Plan(processes=2), Sockets(), spawn, lambda: checking, reactor, lambda why: None
        )
        part = Notices(Notifier(path, watchdog=0.4), supervisor, reactor).part
        until: Any = RealTime(reactor, 60).until
        await part.start()
        supervisor.start()
        await until(lambda: has_heard("STATUS=starting"))
        await until(lambda: has_heard("STATUS=not ready: process 2 starts"))
        programs[2] = small.READY
        await until(lambda: supervisor.seats[1].child is not None)
        assert supervisor.seats[1].child is not None
        supervisor.seats[1].child.signal(signal.SIGKILL)
        await until(lambda: has_heard("READY=1\nSTATUS=2 processes"))
        await until(lambda: has_heard("WATCHDOG=1"))
        supervisor.reload()
        await until(lambda: has_heard("RELOADING=1"))
        self.assertIn("MONOTONIC_USEC=", told[-1])
        checking.callback(Plan(processes=2))
        await until(lambda: has_heard("READY=1\nSTATUS=2 processes"))
        stopping = Deferred.fromCoroutine(supervisor.stop(30))
        await until(lambda: has_heard("STOPPING=1"))
        await until(lambda: has_heard("WATCHDOG=1"))
        await stopping
        await part.stop(1)
