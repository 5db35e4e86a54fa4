"""Time in a test stands still until the test turns the clock, or really passes."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock, deferLater
from twisted.trial.unittest import TestCase

from pipeline.testing.times import ManualTime, RealTime, Soon


class ByHand(TestCase):
    """A clock that is turned by hand."""

    def setUp(self) -> None:
        self.time = ManualTime()
        self.clock = self.time.clock

    async def later(self, seconds: float, result: Any = "done") -> Any:
        await deferLater(self.clock, seconds)
        return result() if callable(result) else result

    def test_each_in_its_time(self) -> None:
        """What is due on the way sees the time that it is due at, also if it sets itself again."""
        seen: list[float] = []
        start = self.clock.seconds()

        def tick() -> None:
            seen.append(self.clock.seconds() - start)
            self.clock.callLater(2, tick)

        self.clock.callLater(1, tick)
        self.time.forward(6)
        self.assertEqual([1, 3, 5], seen)
        self.assertEqual(6, self.clock.seconds() - start)

    def test_own_clock(self) -> None:
        """A clock that is given is turned, from where it stands."""
        clock = Clock()
        ManualTime(clock).forward(5)
        self.assertEqual(5, clock.seconds())

    def test_now(self) -> None:
        """A result is had at once, as often as one likes, the clock turned as far as it must be."""
        start = self.clock.seconds()
        soon = Soon(self.later(7), self.time)
        self.assertEqual(("done", "done"), (soon.now(), soon.now()))
        self.assertEqual(7, self.clock.seconds() - start)

    async def test_await(self) -> None:
        """Awaiting turns the clock as well."""
        self.assertEqual("done", await Soon(self.later(7), self.time))

    def test_error(self) -> None:
        """An error is raised, and is no unhandled one."""

        def fail() -> None:
            raise KeyError("no")

        self.assertRaises(KeyError, Soon(self.later(1, fail), self.time).now)

    def test_never(self) -> None:
        """What does not come is an error that says what was waited for; it is cancelled."""
        cancelled: list[Any] = []

        async def wait() -> None:
            await Deferred(cancelled.append)

        soon = Soon(wait(), self.time, lambda: "the end of the world")
        error = self.assertRaises(AssertionError, soon.now)
        self.assertEqual("the end of the world: not there after 60 s on the clock", str(error))
        self.assertEqual(1, len(cancelled))

    def test_until(self) -> None:
        """A claim is looked at as the clock turns; it may be async."""
        start = self.clock.seconds()

        async def claim() -> bool:
            return bool(self.clock.seconds() - start >= 3)

        waiting = Soon(self.time.until(claim), self.time)
        self.assertNoResult(waiting)
        self.time.forward(2)
        self.assertNoResult(waiting)
        waiting.now()


class Really(TestCase):
    """The reactor's time."""

    def setUp(self) -> None:
        from twisted.internet import reactor

        self.time = RealTime(reactor, patience=0.1)

    async def test_elapse(self) -> None:
        """It passes by itself, and so what is there only then can't be had now."""
        before = self.time.clock.seconds()
        soon = Soon(self.time.elapse(0.05), self.time, lambda: "the moment")
        error = self.assertRaises(AssertionError, soon.now)
        self.assertEqual("the moment: not there yet, it must be awaited", str(error))
        await soon
        self.assertTrue(self.time.clock.seconds() - before >= 0.05)

    async def test_until(self) -> None:
        """A claim is waited for as long as patience lasts."""
        await self.time.until(lambda: True)
        with self.assertRaises(AssertionError) as caught:
            await self.time.until(lambda: False, lambda: "pigs that fly")
        self.assertEqual("pigs that fly: not there after 0.1 s", str(caught.exception))

    async def test_moment(self) -> None:
        """A moment is a short while."""
        await self.time.moment()
