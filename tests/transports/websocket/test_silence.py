"""Tests of pipeline.transports.websocket.silence."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from pipeline.transports.websocket.limits import Limits
from pipeline.transports.websocket.silence import Silence, Verdict


class Verdicts(TestCase):
    """What is done about a silence."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.silence = self.made()

    def made(self, **options: float) -> Silence:
        limits = Limits(1, 1, 1, ping_interval=10, ping_timeout=5, idle_timeout=100)
        return Silence(limits._replace(**options), self.clock)

    def after(self, seconds: float) -> Verdict:
        self.clock.advance(seconds)
        return self.silence.verdict()

    def test_ping(self) -> None:
        """Who is silent is asked once, and given up when there is no answer."""
        self.assertEqual(Verdict.WAIT, self.after(10))
        self.assertEqual(Verdict.PING, self.after(1))
        self.assertEqual(Verdict.WAIT, self.after(5))
        self.assertEqual(Verdict.LOST, self.after(1))

    def test_answer(self) -> None:
        """Whatever comes is an answer."""
        self.assertEqual(Verdict.PING, self.after(11))
        self.silence.heard()
        self.assertEqual(Verdict.WAIT, self.after(9))
        self.assertEqual(Verdict.PING, self.after(2))

    def test_idle(self) -> None:
        """Who answers pings but has nothing to say, and is told nothing, is idle."""
        for _ in range(10):
            self.silence.heard()
            self.assertEqual(Verdict.WAIT, self.after(10))
        self.silence.heard()
        self.assertEqual(Verdict.IDLE, self.after(1))
        self.silence.talked()
        self.assertEqual(Verdict.WAIT, self.after(1))

    def test_off(self) -> None:
        """Nobody is asked, or idle, where that is turned off."""
        self.silence = self.made(ping_interval=0, idle_timeout=0)
        self.assertEqual(Verdict.WAIT, self.after(1e6))
