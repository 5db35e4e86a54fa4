"""While a server is away or refuses."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pipeline.errors import ServerRefused
from pipeline.transports.redis.trouble import LONGEST_PAUSE, Trouble


class Troubles(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.told: list[tuple[str, str]] = []
        self.trouble = Trouble("stream s", self.clock, lambda *told: self.told.append(told))

    def rest(self, why: str = "WRONGTYPE no") -> Deferred[None]:
        return Deferred.fromCoroutine(self.trouble.rest(ServerRefused(why)))

    def test_told_once(self) -> None:
        """Trouble is told when it begins, for another reason, and when it is over."""
        for why in ("one", "one", "two"):
            self.rest(why)
            self.clock.advance(LONGEST_PAUSE)
        self.trouble.over()
        self.trouble.over()
        self.assertEqual(["down", "down", "ok"], [status for status, _ in self.told])
        self.assertEqual("stream s: one", self.told[0][1])

    def test_longer(self) -> None:
        """Rests grow to a limit, and begin anew when it went well."""
        pauses = []
        for _ in range(12):
            resting = self.rest()
            [call] = self.clock.getDelayedCalls()
            pauses.append(call.getTime() - self.clock.seconds())
            self.clock.advance(pauses[-1])
            self.successResultOf(resting)
        self.assertEqual(sorted(pauses), pauses)
        self.assertEqual((0.05, LONGEST_PAUSE), (round(pauses[0], 3), round(pauses[-1], 3)))
        self.trouble.over()
        self.rest()
        self.assertLess(self.clock.getDelayedCalls()[0].getTime() - self.clock.seconds(), 0.1)

    def test_wake(self) -> None:
        """A rest can be ended."""
        resting = self.rest()
        self.trouble.wake()
        self.successResultOf(resting)
        self.assertEqual([], self.clock.getDelayedCalls())
        self.trouble.wake()
