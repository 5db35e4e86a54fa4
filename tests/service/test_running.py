"""A system starts in order, stops in reverse, and explains why it could not start."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from twisted.application.service import IService
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import CannotListenError
from twisted.internet.task import Clock
from twisted.logger import LogLevel, capturedLogs, formatEvent
from twisted.trial.unittest import TestCase
from zope.interface.verify import verifyObject

from pipeline.errors import BrokerUnavailable, ConfigError
from pipeline.service.running import GRACE, Part, System, explained


class Recorded:
    """Parts that write down what happens to them."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.deadlines: list[float] = []

    def part(self, name: str, start: Any = None, stop: Any = None) -> Part:
        def started() -> Any:
            self.events.append(f"+{name}")
            return start() if start else succeed(None)

        def stopped(deadline: float) -> Any:
            self.events.append(f"-{name}")
            self.deadlines.append(deadline)
            return stop() if stop else succeed(None)

        return Part(name, started, stopped)


def raiser(error: Exception) -> Any:
    def fail() -> None:
        raise error

    return fail


class Life(TestCase):
    """The order of things."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.parts = Recorded()
        self.failures: list[str] = []

    def system(self, *parts: Part, stop_timeout: float = 30.0) -> System:
        return System(parts, self.clock, stop_timeout=stop_timeout, failed=self.failures.append)

    def test_is_a_service(self) -> None:
        """twistd can run it."""
        self.assertTrue(verifyObject(IService, self.system()))

    def test_order(self) -> None:
        """Parts start in their order and stop in the reverse one."""
        system = self.system(*map(self.parts.part, "abc"))
        system.startService()
        self.assertTrue(self.successResultOf(system.ready))
        self.successResultOf(system.stopService())
        self.assertEqual(["+a", "+b", "+c", "-c", "-b", "-a"], self.parts.events)
        self.assertEqual([], self.failures)

    def test_one_after_another(self) -> None:
        """A part starts when the one before it is ready, not earlier."""
        gate: Deferred[None] = Deferred()
        system = self.system(self.parts.part("a", start=lambda: gate), self.parts.part("b"))
        system.startService()
        self.assertEqual(["+a"], self.parts.events)
        gate.callback(None)
        self.assertEqual(["+a", "+b"], self.parts.events)

    def test_failed_start(self) -> None:
        """What was started is stopped again, and the explanation names the culprit."""
        wrong = raiser(BrokerUnavailable("nobody there"))
        system = self.system(
            self.parts.part("a"), self.parts.part("b", wrong), self.parts.part("c")
        )
        system.startService()
        self.assertFalse(self.successResultOf(system.ready))
        self.assertEqual(["+a", "+b", "-b", "-a"], self.parts.events)
        self.assertEqual(["b could not start: nobody there"], self.failures)
        self.assertEqual(self.failures[0], system.problem)
        self.successResultOf(system.stopService())

    def test_unexpected_failure(self) -> None:
        """An error that nobody foresaw is logged with its traceback, and named."""
        system = self.system(self.parts.part("a", raiser(KeyError("x"))))
        system.startService()
        self.assertEqual(["a could not start: KeyError: 'x'"], self.failures)
        self.assertEqual(1, len(self.flushLoggedErrors(KeyError)))

    def test_stopped_while_starting(self) -> None:
        """A stop ends a start in progress, which is no failure."""
        system = self.system(self.parts.part("a"), self.parts.part("b", start=Deferred))
        system.startService()
        self.successResultOf(system.stopService())
        self.assertEqual(["+a", "+b", "-b", "-a"], self.parts.events)
        self.assertEqual([], self.failures)

    def test_unready(self) -> None:
        """While a part starts it is said which, and what it waits for if it knows."""
        trouble: list[str] = []
        slow = self.parts.part("a", start=Deferred)
        system = self.system(replace(slow, trouble=lambda: "".join(trouble)))
        self.assertEqual("it is starting", system.unready)
        system.startService()
        self.assertEqual("a is starting", system.unready)
        trouble.append("no connection")
        self.assertEqual("a is starting: no connection", system.unready)
        self.successResultOf(system.stopService())

    def test_told(self) -> None:
        """The log says when it begins to stop, with how much time, and when it has stopped."""
        with capturedLogs() as logs:
            system = self.system(self.parts.part("a"))
            system.startService()
            self.successResultOf(system.stopService())
        told = [formatEvent(each) for each in logs if each["log_level"] is LogLevel.info]
        self.assertEqual(["a is ready", "stopping; what is in hand has 30 s", "stopped"], told)

    def test_hurry(self) -> None:
        """Who is in a hurry leaves no time to parts, and tells their owners."""

        class Owner:
            def hurry(inner) -> None:
                self.parts.events.append("hurry")

        slow: Deferred[None] = Deferred()
        last = self.parts.part("b", stop=lambda: slow)
        system = self.system(self.parts.part("a"), replace(last, owner=Owner()))
        system.startService()
        stopping = system.stopService()
        system.hurry()
        slow.callback(None)
        self.successResultOf(stopping)
        self.assertEqual(["+a", "+b", "-b", "hurry", "-a"], self.parts.events)
        self.assertEqual([30.0, 0.0], self.parts.deadlines)

    def test_shared_deadline(self) -> None:
        """The time to stop is for all parts together."""

        def slow() -> Deferred[None]:
            waiting: Deferred[None] = Deferred()
            self.clock.callLater(4, waiting.callback, None)
            return waiting

        system = self.system(self.parts.part("a"), self.parts.part("b", stop=slow), stop_timeout=10)
        system.startService()
        stopped = system.stopService()
        self.clock.advance(4)
        self.successResultOf(stopped)
        self.assertEqual([10.0, 6.0], self.parts.deadlines)

    def test_stuck_part(self) -> None:
        """A part that doesn't stop in time does not keep the others from stopping."""
        system = self.system(self.parts.part("a"), self.parts.part("b", stop=Deferred))
        system.startService()
        stopped = system.stopService()
        self.clock.advance(30)
        self.assertNoResult(stopped)
        self.clock.advance(GRACE)
        self.successResultOf(stopped)
        self.assertEqual(["-b", "-a"], self.parts.events[-2:])

    def test_broken_stop(self) -> None:
        """An error in one part's stop is logged, and the others stop."""
        broken = raiser(ZeroDivisionError())
        system = self.system(self.parts.part("a"), self.parts.part("b", stop=broken))
        system.startService()
        self.successResultOf(system.stopService())
        self.assertEqual(["-b", "-a"], self.parts.events[-2:])
        self.assertEqual(1, len(self.flushLoggedErrors(ZeroDivisionError)))


class Explained(TestCase):
    """Errors in words for a person."""

    def test_taken_port(self) -> None:
        """A port that is taken is named."""
        error = CannotListenError("127.0.0.1", 8080, OSError(98, "Address already in use"))
        self.assertEqual(
            "cannot listen on 127.0.0.1:8080: Address already in use", explained(error)
        )

    def test_own_errors(self) -> None:
        """The framework's own errors speak for themselves."""
        self.assertEqual("a.yaml:1:2: no", explained(ConfigError("no", at="a.yaml:1:2")))

    def test_others(self) -> None:
        """Others are named by their class."""
        self.assertEqual("ValueError: no", explained(ValueError("no")))
