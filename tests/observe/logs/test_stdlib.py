"""The standard library's log goes to Twisted's."""

from __future__ import annotations

import logging
from typing import Any

from twisted.logger import LogLevel, STDLibLogObserver, formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from pipeline.observe.logs.stdlib import ToTwisted, take_over


class Taken(SynchronousTestCase):
    def setUp(self) -> None:
        root = logging.getLogger()
        handlers, level = root.handlers[:], root.level
        self.addCleanup(setattr, root, "handlers", handlers)
        self.addCleanup(root.setLevel, level)
        root.handlers, root.level = [], logging.WARNING
        self.events: list[Any] = []
        observer: Any = self.events.append
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)

    def test_events(self) -> None:
        """A record is an event of the same level, in the namespace of its logger."""
        give_back = take_over(LogLevel.debug)
        log = logging.getLogger("shop.db")
        levels = (LogLevel.debug, LogLevel.info, LogLevel.warn, LogLevel.error, LogLevel.critical)
        for number in (10, 20, 30, 40, 50):
            log.log(number, "%d {braces}", number, extra={"table": "hats"})
        give_back()
        self.assertEqual([], logging.getLogger().handlers)
        self.assertEqual(list(levels), [event["log_level"] for event in self.events])
        self.assertEqual({"shop.db"}, {event["log_namespace"] for event in self.events})
        self.assertEqual("50 {braces}", formatEvent(self.events[-1]))
        self.assertEqual("hats", self.events[-1]["table"])
        self.assertEqual(logging.WARNING, logging.getLogger().level)

    def test_level(self) -> None:
        """What is below the level isn't even made a record of."""
        self.addCleanup(take_over(LogLevel.info))
        self.assertFalse(logging.getLogger("shop").isEnabledFor(logging.DEBUG))
        self.assertTrue(logging.getLogger("shop").isEnabledFor(logging.INFO))

    def test_failure(self) -> None:
        """An exception is the event's failure, with its traceback."""
        self.addCleanup(take_over(LogLevel.info))
        try:
            raise ValueError("no hat")
        except ValueError:
            logging.getLogger("shop").exception("not sold")
        failure = self.events[-1]["log_failure"]
        self.assertIn("test_failure", failure.getTraceback())
        self.assertEqual(1, len(self.flushLoggedErrors(ValueError)))

    def test_program(self) -> None:
        """A program that has set up logging for itself keeps it as it is."""
        own = logging.NullHandler()
        logging.getLogger().addHandler(own)
        take_over(LogLevel.debug)()
        self.assertEqual([own], logging.getLogger().handlers)
        logging.getLogger("shop").warning("mine")
        self.assertEqual([], self.events)

    def test_no_loop(self) -> None:
        """Also where Twisted's log goes to the standard library, each thing is said once."""
        handler = ToTwisted()
        logging.getLogger().addHandler(handler)
        back: Any = STDLibLogObserver("elsewhere")
        globalLogPublisher.addObserver(back)
        self.addCleanup(globalLogPublisher.removeObserver, back)
        logging.getLogger("shop").warning("once")
        self.assertEqual(["once"], [formatEvent(event) for event in self.events])
        handler.emit(logging.makeLogRecord({"name": "twisted", "msg": "ours", "levelno": 40}))
        self.assertEqual(1, len(self.events))
