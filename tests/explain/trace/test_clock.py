"""The clock is turned only for what is waited for."""

from __future__ import annotations

import time
from typing import Any

from twisted.internet import threads
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from pipeline.explain.trace.clock import Turning


class Turns(TestCase):
    """Until something is done, or nothing more happens."""

    def turning(self, most: float = 100, patience: float = 0.2) -> Turning:
        from twisted.internet import reactor

        return Turning(reactor, most, patience)

    async def until(self, turning: Turning, waited: Any) -> bool:
        async def is_done() -> bool:
            return bool(waited.called)

        return await turning.until(is_done, lambda: None)

    async def test_time_of_day(self) -> None:
        """It begins with the time of day, since messages have it."""
        self.assertApproximates(time.time(), self.turning().clock.seconds(), 60)

    async def test_no_further(self) -> None:
        """It goes as far as what is waited for, in no time."""
        turning = self.turning()
        waited = deferLater(turning.clock, 30)
        later = turning.clock.callLater(90, lambda: None)
        self.assertTrue(await self.until(turning, waited))
        self.assertEqual((30, True), (round(turning.passed), later.active()))

    async def test_threads(self) -> None:
        """What is in a thread takes the time it takes, and the clock stands still."""
        turning = self.turning(patience=30)
        self.assertTrue(await self.until(turning, threads.deferToThread(lambda: None)))
        self.assertEqual(0, round(turning.passed, 3))

    async def test_limit(self) -> None:
        """It goes no further than it may, but from the next allowance on."""
        turning = self.turning(most=10)
        waited = deferLater(turning.clock, 30)
        self.assertFalse(await self.until(turning, waited))
        turning.allow(30)
        self.assertTrue(await self.until(turning, waited))
