"""Vumi's way to log."""

from __future__ import annotations

from typing import Any

from twisted.logger import LogLevel, formatEvent, globalLogPublisher
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from pipeline import log


class Logging(SynchronousTestCase):
    """What is logged reaches twisted.logger."""

    def setUp(self) -> None:
        self.events: list[Any] = []
        globalLogPublisher.addObserver(self.events.append)
        self.addCleanup(globalLogPublisher.removeObserver, self.events.append)

    def last(self) -> tuple[Any, str]:
        event = self.events[-1]
        return event["log_level"], formatEvent(event)

    def test_levels(self) -> None:
        """Each level is Twisted's; the text takes its values as Python's % does."""
        for name, level in (("debug", "debug"), ("info", "info"), ("warning", "warn")):
            getattr(log, name)("%s of {%d}", "one", 2)
            self.assertEqual((LogLevel.lookupByName(level), "one of {2}"), self.last())

    def test_errors(self) -> None:
        """A text alone is logged as one; an exception, a Failure and a cause with traceback."""
        log.error("plain {text}")
        self.assertEqual((LogLevel.error, "plain {text}"), self.last())
        cause = KeyError("x")
        for given in ((cause,), (Failure(cause),)):
            log.error(*given)
            self.assertIs(cause, self.events[-1]["log_failure"].value)
        log.critical("it %s", "broke", cause=cause)
        self.assertEqual((LogLevel.critical, "it broke"), self.last())
        self.assertEqual(3, len(self.flushLoggedErrors(KeyError)))

    def test_never_fails(self) -> None:
        """What is no text, and values that don't fit, are logged somehow."""
        log.info(["a list"])
        self.assertEqual("['a list']", self.last()[1])
        log.info("100% sure, %d", "x")
        self.assertEqual("100% sure, %d ('x',)", self.last()[1])

    def test_names(self) -> None:
        """A logger is named by a text, a class or an instance; events carry that name."""
        for what in ("Logging", Logging, self):
            log.name(what).info("hi")
            self.assertEqual("Logging", self.events[-1]["log_namespace"])

    def test_twisteds(self) -> None:
        """msg and err are those of twisted.python.log."""
        log.msg("old", "way")
        self.assertIn("old way", self.last()[1])
        log.err(ValueError("x"), "why")
        self.assertEqual(1, len(self.flushLoggedErrors(ValueError)))
