"""Tests of pipeline.search.troubleshooter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, TimeoutError
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from pipeline.interfaces import ISearchService
from pipeline.search.findings import Finding, SearchFailed
from pipeline.search.trouble import Trouble
from pipeline.search.troubleshooter import Troubleshooter


@implementer(ISearchService)
class Service:
    """Answers what a test says."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.searched: list[str] = []
        self.answer: Callable[[], Any] = lambda: [Finding("It is known", votes=3)]
        self.calls: list[str] = []

    def start(self) -> Any:
        self.calls.append("start")

    def stop(self) -> Any:
        self.calls.append("stop")

    def saw(self, trouble: Trouble, delivery: Any = None) -> None:
        self.seen.append(trouble.name)

    def search(self, trouble: Trouble) -> Any:
        self.searched.append(trouble.name)
        return self.answer()


class Stubborn(Service):
    """Goes on when it is told to end."""

    async def search(self, trouble: Trouble) -> Any:
        while True:
            try:
                await Deferred()
            except CancelledError:
                self.calls.append("cancelled")


def error(name: str) -> Exception:
    """An exception of a class of its own."""
    made: Exception = type(name, (Exception,), {})("text")
    return made


class Troubles(SynchronousTestCase):
    """Exceptions are shown, with what is known; nothing gets out, nothing waits."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.written: list[str] = []
        self.use(Service())

    def use(self, service: Any, per_hour: int = 30) -> None:
        verifyObject(ISearchService, service)
        self.service = service
        self.shooter = Troubleshooter(
            service, self.clock, self.written.append, timeout=5, quiet=60, per_hour=per_hour
        )

    def stop(self) -> None:
        self.successResultOf(Deferred.fromCoroutine(self.shooter.stop()))

    def shown(self) -> list[str]:
        """The classes of the exceptions that were shown."""
        lasts = [text.rstrip().rsplit("\n", 1)[-1] for text in self.written]
        return [last.partition(":")[0].rpartition(".")[2] for last in lasts]

    def test_shown(self) -> None:
        """What was found, then the exception."""
        self.shooter.report(error("Bad"))
        [text] = self.written
        self.assertIn("| It is known ", text)
        self.assertTrue(text.endswith("Bad: text\n"))

    def test_life(self) -> None:
        """The service is started and stopped; one that fails then does no harm."""
        self.successResultOf(Deferred.fromCoroutine(self.shooter.start()))
        self.stop()
        self.assertEqual(["start", "stop"], self.service.calls)
        self.service.start = self.service.stop = _broken
        self.successResultOf(Deferred.fromCoroutine(self.shooter.start()))
        self.stop()
        self.assertEqual(2, len(self.flushLoggedErrors(KeyError)))

    def test_life_without_end(self) -> None:
        """A service that is never ready, or never lets go, holds nothing up for long."""
        self.service.start = self.service.stop = Deferred
        for step in (self.shooter.start, self.shooter.stop):
            going = Deferred.fromCoroutine(step())
            self.clock.advance(4)
            self.assertNoResult(going)
            self.clock.advance(2)
            self.successResultOf(going)
        self.assertEqual(2, len(self.flushLoggedErrors(TimeoutError)))

    def test_never_answers(self) -> None:
        """A service that never answers is given up, and the exception is shown."""
        self.service.answer = Deferred
        self.shooter.report(error("Bad"))
        self.clock.advance(4)
        self.assertEqual([], self.written)
        self.clock.advance(2)
        self.assertEqual(["Bad"], self.shown())
        self.assertTrue(self.written[0].startswith("No result found.\n"))

    def test_never_ends(self) -> None:
        """So is one that doesn't even end when it is cancelled."""
        self.use(Stubborn())
        self.shooter.report(error("Bad"))
        self.clock.advance(6)
        self.assertEqual((["Bad"], ["cancelled"]), (self.shown(), self.service.calls))

    def test_fails(self) -> None:
        """A service that fails at once, later, or answers nonsense: the exception is shown."""

        def refuses() -> Any:
            raise SearchFailed("no quota")

        async def later() -> Any:
            raise KeyError("later")

        for index, answer in enumerate((refuses, _broken, later, lambda: None, lambda: [1])):
            self.service.answer = answer
            self.shooter.report(error(f"Bad{index}"))
        self.assertEqual([f"Bad{index}" for index in range(5)], self.shown())
        self.assertEqual(2, len(self.flushLoggedErrors(KeyError)))
        self.assertEqual(1, len(self.flushLoggedErrors(TypeError)))

    def test_note_fails(self) -> None:
        """A service that can't even take note is logged, no more."""
        self.service.saw = _broken
        self.shooter.report(error("Bad"))
        self.assertEqual(1, len(self.flushLoggedErrors(KeyError)))
        self.assertEqual(["Bad"], self.shown())

    def test_unwritable(self) -> None:
        """A stream that is closed is logged, no more."""
        self.shooter._write = _broken
        self.shooter.report(error("Bad"))
        self.assertEqual(1, len(self.flushLoggedErrors(KeyError)))

    def test_quiet(self) -> None:
        """The same exception is shown once in a while; taken note of each time."""
        for seconds in (0, 59, 1):
            self.clock.advance(seconds)
            self.shooter.report(error("Bad"))
        self.assertEqual((["Bad"] * 2, ["Bad"] * 3), (self.shown(), self.service.seen))

    def test_one_at_a_time(self) -> None:
        """While the same is searched for, it isn't searched for again."""
        self.service.answer = Deferred
        self.shooter._quiet = 0
        self.shooter.report(error("Bad"))
        self.shooter.report(error("Bad"))
        self.assertEqual(["Bad"], self.service.searched)

    def test_few_at_once(self) -> None:
        """What is beyond three searches at a time is shown at once, without."""
        self.service.answer = Deferred
        for index in range(5):
            self.shooter.report(error(f"Bad{index}"))
        self.assertEqual((3, ["Bad3", "Bad4"]), (len(self.service.searched), self.shown()))
        self.clock.advance(6)
        self.shooter.report(error("Bad5"))
        self.assertEqual(4, len(self.service.searched))

    def test_per_hour(self) -> None:
        """What is beyond so many searches an hour is shown without."""
        self.use(Service(), per_hour=2)
        for index in range(4):
            self.clock.advance(1000)
            self.shooter.report(error(f"Bad{index}"))
        self.assertEqual(["Bad0", "Bad1"], self.service.searched)
        self.clock.advance(601)
        self.shooter.report(error("Bad4"))
        self.assertEqual(["Bad0", "Bad1", "Bad4"], self.service.searched)
        self.assertEqual(5, len(self.written))

    def test_never_searching(self) -> None:
        """With no search an hour everything is shown without."""
        self.use(Service(), per_hour=0)
        self.shooter.report(error("Bad"))
        self.assertEqual((["Bad"], []), (self.shown(), self.service.searched))

    def test_stop(self) -> None:
        """At the end what is still searched for is shown; later nothing is."""
        self.service.answer = Deferred
        self.shooter.report(error("Bad"))
        self.stop()
        self.assertEqual(["Bad"], self.shown())
        self.shooter.report(error("Late"))
        self.assertEqual(["Bad"], self.shown())

    def test_stop_stubborn(self) -> None:
        """A service that doesn't end holds nothing up."""
        self.use(Stubborn())
        self.shooter.report(error("Bad"))
        self.stop()
        self.assertEqual(["Bad"], self.shown())

    def test_bounded(self) -> None:
        """Of many exceptions the oldest are forgotten."""
        self.use(Service(), per_hour=0)
        for index in range(600):
            self.shooter.report(error(f"Bad{index}"))
        self.assertEqual(512, len(self.shooter._shown))


def _broken(*args: Any) -> Any:
    raise KeyError("broken")
