"""A private server stays up while one of its processes runs."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from pipeline.errors import EmbeddedServerError
from pipeline.service.private import LOOK, PrivateServer


class FakeServer:
    """Counts its starts and stops."""

    def __init__(self) -> None:
        self.starts = self.stops = 0
        self.broken = False

    def start(self) -> Deferred[Any]:
        self.starts += 1
        return fail(EmbeddedServerError("no room")) if self.broken else succeed(None)

    def stop(self) -> Deferred[None]:
        self.stops += 1
        return succeed(None)


class Watch(TestCase):
    """It is looked at, and started anew when nobody has a connection."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.server = FakeServer()
        self.up = True
        self.private = PrivateServer(self.server, lambda: self.up, self.clock)
        self.part = self.private.part

    def _start(self) -> None:
        self.successResultOf(Deferred.fromCoroutine(self.part.start()))  # type: ignore[arg-type]

    def _stop(self) -> None:
        self.successResultOf(Deferred.fromCoroutine(self.part.stop(1.0)))  # type: ignore[arg-type]

    def test_left_alone(self) -> None:
        """While it answers nothing is done."""
        self._start()
        self.clock.pump([LOOK] * 5)
        self.assertEqual(1, self.server.starts)
        self._stop()

    def test_taken_over(self) -> None:
        """When it is gone it is started again, here."""
        self._start()
        self.up = False
        self.clock.advance(LOOK)
        self.assertEqual(2, self.server.starts)
        self._stop()

    def test_keeps_trying(self) -> None:
        """A failed start is not the last one."""
        self._start()
        self.up, self.server.broken = False, True
        self.clock.pump([LOOK] * 2)
        self.assertEqual(3, self.server.starts)
        self._stop()

    def test_stopped(self) -> None:
        """After the stop it is looked at no more."""
        self._start()
        self._stop()
        self.up = False
        self.clock.advance(LOOK)
        self.assertEqual((1, 1), (self.server.starts, self.server.stops))
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_cannot_start(self) -> None:
        """An error of the first start is the caller's, who may stop all the same."""
        self.server.broken = True
        started = Deferred.fromCoroutine(self.part.start())  # type: ignore[arg-type]
        self.failureResultOf(started, EmbeddedServerError)
        self._stop()
