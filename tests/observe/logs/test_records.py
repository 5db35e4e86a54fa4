"""Events as JSON."""

from __future__ import annotations

import json
import os
from typing import Any

from twisted.logger import Logger, LogLevel
from twisted.python import log as legacy
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from pipeline.observe.logs.records import LONGEST_LINE, json_line, record_of
from tests.observe.logs.test_facts import delivery


class Records(SynchronousTestCase):
    def setUp(self) -> None:
        self.events: list[Any] = []
        self.log = Logger("shop", observer=self.events.append)  # type: ignore[arg-type]

    def test_record(self) -> None:
        """An event says when, how bad, who, what, for which message, and its own plain values."""
        self.log.warn("sold {what} for {price}", what="a\nhat", price=3, by=object(), at=None)
        (event,) = self.events
        event["log_time"] = 1764273600.0625
        event["delivery"] = delivery()
        line = json_line(event)
        self.assertEqual(1, line.count("\n"))
        self.assertEqual(
            {
                "time": "2025-11-27T20:00:00.062Z",
                "level": "warn",
                "logger": "shop",
                "message": "sold a\nhat for 3",
                "queue": "sms.inbound",
                "worker": "echo",
                "kind": "inbound",
                "attempt": 2,
                "pid": os.getpid(),
                "fields": {"what": "a\nhat", "price": 3, "at": None},
            },
            json.loads(line),
        )

    def test_failure(self) -> None:
        """A failure has the type, text and traceback of its exception."""
        try:
            raise ValueError("no hat")
        except ValueError:
            self.log.failure("not sold")
        record = record_of(self.events[0])
        self.assertEqual(("critical", "not sold"), (record["level"], record["message"]))
        told = record["exception"]
        self.assertEqual(("ValueError", "no hat"), (told["type"], told["text"]))
        self.assertIn('raise ValueError("no hat")', "".join(told["traceback"]))

    def test_ascii(self) -> None:
        """No byte of a line is one that a terminal or a reader of lines could obey."""
        self.log.info("{text}", text="\x1b[2J\x9b é\u2028\u202e\r\n\ud800")
        line = json_line(self.events[0])
        self.assertTrue(line.isascii())
        self.assertTrue(line.rstrip("\n").isprintable())

    def test_limits(self) -> None:
        """Neither texts, fields nor tracebacks make a line longer than others take."""
        self.log.info("{text} {other}", text="x" * 100_000, other="y" * 5_000)
        try:
            raise ValueError("z" * 100_000)
        except ValueError as error:
            self.log.failure("no", Failure(error))
        self.log.info("{a}", a="\0" * 100_000, **{f"f{n}": "\0" * 2000 for n in range(60)})
        for event in self.events:
            line = json_line(event)
            self.assertLessEqual(len(line), LONGEST_LINE + 1)
            self.assertIn("message", json.loads(line))
        self.assertIn("z" * 100, json.loads(json_line(self.events[1]))["exception"]["text"])
        self.assertIn("more characters)", record_of(self.events[0])["message"])

    def test_secrets(self) -> None:
        """Secrets are hidden in the text, in fields, and in an exception."""
        self.log.info("{url}", url="redis://:abc123xyz@h", password="abc123xyz")
        self.log.failure("no", Failure(ValueError("Authorization: Bearer abc123xyz")))
        for event in self.events:
            self.assertNotIn("abc123xyz", json_line(event))
        self.assertEqual("***", record_of(self.events[0])["fields"]["password"])

    def test_broken(self) -> None:
        """Neither an event that can't be formatted nor an odd exception makes logging fail."""

        class Odd(Exception):
            def __str__(self) -> str:
                raise RuntimeError("no text")

        self.log.info("{missing} {x.y}", nan=float("nan"))
        self.log.failure("odd", Failure(Odd()))
        first, second = (json.loads(json_line(event)) for event in self.events)
        self.assertIn("missing", first["message"])
        self.assertEqual("nan", first["fields"]["nan"])
        self.assertIn("Odd", second["exception"]["type"])

    def test_legacy(self) -> None:
        """What is logged in Twisted's old way is a record as any."""
        observer: Any = self.events.append
        legacy.addObserver(observer)
        legacy.msg("old", system="s")
        legacy.removeObserver(observer)
        record = record_of({**self.events[-1], "log_level": LogLevel.info})
        self.assertEqual("old", record["message"])
