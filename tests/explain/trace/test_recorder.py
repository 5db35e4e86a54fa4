"""Steps are recorded, whatever becomes of them."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock, deferLater
from twisted.logger import Logger
from twisted.trial.unittest import SynchronousTestCase

from pipeline.delivery import Delivery, current
from pipeline.explain.trace.happening import Happening
from pipeline.explain.trace.recorder import MOST_LOGS, Recorder, TooMuch

_log = Logger()


class Calls(SynchronousTestCase):
    """What is called is compared before and after."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.recorder = Recorder(self.clock, 5)
        self.recorder.open()
        self.addCleanup(self.recorder.close)

    def step(self, call: Any, subject: Any = None, what: str = "handler") -> Any:
        return self.recorder.called(Happening(what, "desk", "sms", "inbound"), subject, call)

    def test_plain(self) -> None:
        """A plain call gives its result, and what it changed and logged is its own."""
        subject = {"a": 1}

        def call() -> str:
            subject["a"] = 2
            for _ in range(MOST_LOGS + 5):
                _log.info("hm")
            return "done"

        _log.info("before")
        self.assertEqual("done", self.step(call, subject))
        [happened] = self.recorder.happened
        self.assertEqual([("a", "changed", 1, 2)], list(map(tuple, happened.changes)))
        self.assertEqual(["info: hm"] * MOST_LOGS, happened.logs)
        self.assertEqual("passed", happened.result)

    def test_later(self) -> None:
        """A coroutine is a step until its end; its wait is told apart, and what comes after it is
        not its own."""

        async def call() -> str:
            await deferLater(self.clock, 5)
            _log.info("late")
            return "done"

        async def whole() -> Any:
            result = await self.step(call)
            _log.info("after")
            return result

        ending = Deferred.fromCoroutine(whole())
        [happened] = self.recorder.happened
        self.assertEqual("waiting", happened.result)
        self.clock.advance(5)
        self.assertEqual("done", self.successResultOf(ending))
        self.assertEqual(
            ("passed", 5, ["info: late"]), (happened.result, happened.waited, happened.logs)
        )

    def test_raises(self) -> None:
        """An error passes, and is recorded with the line that raised it."""
        with self.assertRaises(ZeroDivisionError):
            self.step(lambda: 1 // 0)
        [happened] = self.recorder.happened
        self.assertTrue(happened.detail.startswith("ZeroDivisionError: "), happened.detail)
        self.assertIn("test_recorder.py:", happened.where)

    def test_stored(self) -> None:
        """What is staged belongs to the innermost step that stages it."""
        delivery = Delivery("sms.inbound", b"1-0", b"{}")
        token = current.set(delivery)
        self.addCleanup(current.reset, token)
        delivery.store.incr("earlier")

        def outer() -> None:
            delivery.store.incr("outer")
            self.step(lambda: delivery.store.incr("inner"))
            delivery.store.delete("outer")

        self.step(outer)
        told = [[each.key for each in happened.stored] for happened in self.recorder.happened]
        self.assertEqual([["outer", "outer"], ["inner"]], told)

    def test_too_much(self) -> None:
        """Beyond the limit nothing may happen any more; when it is over, nothing is recorded."""
        for _ in range(5):
            self.step(lambda: None)
        with self.assertRaises(TooMuch):
            self.step(lambda: None)
        self.assertTrue(self.recorder.is_full)
        self.recorder.is_over = True
        self.step(lambda: None)
        self.assertEqual(5, len(self.recorder.happened))
