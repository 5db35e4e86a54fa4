"""Observers by level and form."""

from __future__ import annotations

import io
import json
import sys
import threading
from typing import Any

from twisted.logger import ILogObserver, Logger, LogLevel
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from pipeline.config.settings import NamespaceConfig
from pipeline.observe.logs import json_logger, text_logger
from pipeline.observe.logs.begin import FORMATS, LEVELS, level_named, observer


class Observers(SynchronousTestCase):
    def test_levels(self) -> None:
        """What is below the level is left out; Twisted itself may have to say worse things."""
        stream = io.StringIO()
        line: Any = lambda event: event["log_format"] + "\n"  # noqa: E731
        seen = observer(stream, line, LogLevel.debug, of_twisted=LogLevel.warn)
        verifyObject(ILogObserver, seen)
        for space in ("shop", "twisted.web", "log_legacy"):
            log = Logger(space, observer=seen)
            log.debug(f"{space} debug")
            log.warn(f"{space} warn")
        self.assertEqual(
            ["shop debug", "shop warn", "twisted.web warn", "log_legacy warn"],
            stream.getvalue().splitlines(),
        )

    def test_threads(self) -> None:
        """One event is written at a time, also when what is formatted logs something itself."""

        class Slow:
            """A stream that doesn't like to be disturbed."""

            is_busy = False
            lines: list[str] = []

            def write(self, text: str) -> None:
                assert not self.is_busy
                self.is_busy = True
                threading.Event().wait(0.001)
                self.lines.append(text)
                self.is_busy = False

            def flush(self) -> None:
                """Nothing is kept back."""

        stream = Slow()
        log: Any = None

        def line(event: Any) -> str:
            if event["log_format"] == "outer":
                log.info("inner")
            return str(event["log_format"])

        log = Logger("shop", observer=observer(stream, line))
        threads = [threading.Thread(target=log.info, args=("outer",)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(["inner", "outer"] * 8, stream.lines)

    def test_factories(self) -> None:
        """For twistd's --logger there is one of each form, on standard output."""
        stream = io.StringIO()
        self.patch(sys, "stdout", stream)
        for factory in (json_logger, text_logger):
            Logger("shop", observer=factory()).info("sold")
        record, text = stream.getvalue().splitlines()
        self.assertEqual("sold", json.loads(record)["message"])
        self.assertTrue(text.endswith(" [shop#info] sold"))

    def test_names(self) -> None:
        """The options of a namespace take the forms and levels that there are."""
        fields = {field.name: field for field in NamespaceConfig.fields()}
        self.assertEqual(FORMATS, tuple(fields["log_format"].values))
        self.assertEqual(LEVELS, tuple(fields["log_level"].values))
        self.assertEqual(LogLevel.warn, level_named("warn"))
