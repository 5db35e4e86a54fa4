"""The log as people read it, and a system run to its end."""

from __future__ import annotations

import io
import json
from typing import Any

from twisted.internet.defer import succeed
from twisted.internet.task import Clock
from twisted.logger import Logger, LogLevel, globalLogBeginner
from twisted.trial.unittest import TestCase

from pipeline.cli import foreground
from pipeline.cli.foreground import log_to, run_in_foreground
from pipeline.errors import ConfigError, PipelineError
from pipeline.service.running import Part, System


class Log(TestCase):
    """Lines of a log."""

    def setUp(self) -> None:
        self.stream = io.StringIO()
        self.observers: list[Any] = []
        self.levels: list[Any] = []
        self.patch(globalLogBeginner, "beginLoggingTo", self._begin)
        self.patch(foreground, "take_over", self.levels.append)

    def _begin(self, observers: list[Any], **options: Any) -> None:
        self.observers = observers

    def logger(self, namespace: str) -> Logger:
        (observer,) = self.observers
        return Logger(namespace, observer=observer)

    def test_lines(self) -> None:
        """An event is a line with its time, and its level if that matters."""
        log_to(self.stream)
        log = self.logger("pipeline.x")
        log.info("all {what}", what="well")
        log.warn("not so well")
        log.debug("not shown")
        first, second = self.stream.getvalue().splitlines()
        self.assertRegex(first, r"^\d\d:\d\d:\d\d all well$")
        self.assertRegex(second, r"^\d\d:\d\d:\d\d warn: not so well$")

    def test_twisted(self) -> None:
        """What Twisted says of itself is left out, unless it is a warning."""
        log_to(self.stream)
        log = self.logger("twisted.internet.protocol")
        log.info("Starting factory")
        log.warn("something is wrong")
        self.assertEqual(1, len(self.stream.getvalue().splitlines()))

    def test_harmless(self) -> None:
        """What a client has a say in is no order to the terminal; further lines are indented."""
        log_to(self.stream)
        log = self.logger("pipeline.x")
        log.error("no {who}", who="\x1b]0;mine\x07\x1b[2J")
        try:
            raise ValueError("\x1b[2J")
        except ValueError:
            log.failure("in\ntwo")
        text = self.stream.getvalue()
        self.assertIn("no \\x1b]0;mine\\x07\\x1b[2J\n", text)
        self.assertIn("critical: in\n    two\n    Traceback", text)
        self.assertNotIn("\x1b", text)

    def test_level(self) -> None:
        """Less can be asked for."""
        log_to(self.stream, LogLevel.critical)
        self.logger("pipeline.x").error("no")
        self.assertEqual("", self.stream.getvalue())
        self.assertEqual([LogLevel.critical], self.levels)

    def test_json(self) -> None:
        """Each event is an object of JSON on a line of its own, if that is asked for."""
        cleared: list[None] = []
        log_to(self.stream, before=lambda: cleared.append(None), form="json")
        self.logger("pipeline.x").warn("so\nso")
        record = json.loads(self.stream.getvalue())
        told = record["level"], record["logger"], record["message"]
        self.assertEqual(("warn", "pipeline.x", "so\nso"), told)
        self.assertEqual([None], cleared)


class Ending(Clock):
    """A reactor that ends as soon as everything has been started."""

    def __init__(self) -> None:
        super().__init__()
        self.running = False
        self.stops: list[Any] = []
        self.first: list[Any] = []

    def callWhenRunning(self, call: Any, *args: Any) -> None:  # Twisted's name
        if self.running:
            call(*args)
        else:
            self.first.append((call, args))

    def addSystemEventTrigger(self, phase: str, event: str, call: Any) -> None:
        self.stops.append(call)

    def stop(self) -> None:
        self.running = False

    def run(self) -> None:
        self.running = True
        for call, args in self.first:
            call(*args)
        for call in self.stops:
            call()


class Run(TestCase):
    """From start to end."""

    def setUp(self) -> None:
        self.patch(foreground, "stop_on_signals", lambda reactor, hurry: None)
        self.events: list[str] = []

    def run_with(self, start: Any) -> int:
        reactor = Ending()

        def stop(deadline: float) -> Any:
            self.events.append("stop")
            return succeed(None)

        def make(failed: Any) -> System:
            return System([Part("it", start, stop)], reactor, failed=failed)

        return run_in_foreground(make, reactor)

    def test_good(self) -> None:
        """A system that starts and stops ends with status 0."""
        self.assertEqual(0, self.run_with(lambda: succeed(None)))
        self.assertEqual(["stop"], self.events)

    def test_bad(self) -> None:
        """One that can't start is an error that says why."""

        def start() -> None:
            raise ConfigError("no")

        with self.assertRaises(PipelineError) as caught:
            self.run_with(start)
        self.assertEqual("it could not start: no", str(caught.exception))
