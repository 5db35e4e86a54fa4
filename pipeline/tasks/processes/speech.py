"""What a child prints and logs goes to the worker's log, line by line, and never too much."""

from __future__ import annotations

import io
import logging
import sys
import threading
from typing import Any, cast

from twisted.logger import ILogObserver, LogLevel, formatEvent, globalLogBeginner

from pipeline.tasks.processes.channel import Channel
from pipeline.tasks.processes.wire import Said

__all__ = ["ALLOWED", "LONGEST_LINE", "Speech"]

#: How much of a call is logged, and of one line, in characters.
ALLOWED, LONGEST_LINE = 256 * 1024, 8 * 1024

_LEVELS = ((logging.CRITICAL, "critical"), (logging.ERROR, "error"), (logging.WARNING, "warn"))


class Speech:
    """Takes what is printed and logged in this process.

    After :data:`ALLOWED` characters the rest of a call is counted only.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._number = 0
        self._left = ALLOWED
        self._dropped = 0
        self._streams = (Stream(self, "stdout", "info"), Stream(self, "stderr", "warn"))

    def install(self) -> None:
        """Take it all from now on."""
        sys.stdout, sys.stderr = self._streams
        root = logging.getLogger()
        root.addHandler(_Handler(self))
        root.setLevel(logging.INFO)
        globalLogBeginner.beginLoggingTo(
            [cast(ILogObserver, self._observe)], redirectStandardIO=False, discardBuffer=True
        )

    def begin(self, number: int) -> None:
        """What comes now belongs to a call."""
        self._number = number
        self._left = ALLOWED

    def end(self) -> None:
        """The call is over: whatever it has said is on its way."""
        for stream in self._streams:
            stream.flush()
        dropped, self._dropped = self._dropped, 0
        self._left = ALLOWED
        if dropped:
            self.say("warn", "output", f"{dropped:,} more characters were not logged")
        self._number = 0

    @property
    def is_full(self) -> bool:
        """Whether what comes now is only counted."""
        return self._left <= 0

    def drop(self, count: int) -> None:
        """So many characters came that are not logged."""
        self._dropped += count

    def say(self, level: str, source: str, text: str) -> None:
        """Have some lines logged."""
        taken = text[: max(0, self._left)]
        self._left -= len(text)
        self.drop(len(text) - len(taken))
        for line in taken.splitlines():
            for start in range(0, len(line), LONGEST_LINE):
                part = line[start : start + LONGEST_LINE]
                plain = part.encode("utf-8", "backslashreplace").decode()
                self._channel.report(Said(self._number, level, source, plain))

    def _observe(self, event: Any) -> None:
        level = event.get("log_level", LogLevel.info)
        if level < LogLevel.info:
            return
        text = formatEvent(event)
        if "log_failure" in event:
            text += "\n" + event["log_failure"].getTraceback()
        self.say(level.name, event.get("log_namespace", "twisted"), text)


class Stream(io.TextIOBase):
    """Stands for standard output or error."""

    def __init__(self, speech: Speech, source: str, level: str) -> None:
        super().__init__()
        self._speech = speech
        self._source = source
        self._level = level
        self._fd = 1 if source == "stdout" else 2
        self._begun = ""
        self._lock = threading.RLock()

    @property
    def encoding(self) -> str:  # type: ignore[override]  # a variable in the base
        """What bytes are written in, by who writes bytes."""
        return "utf-8"

    @property
    def buffer(self) -> Any:
        """Takes bytes; they go to the worker on another way."""
        original = sys.__stdout__ if self._fd == 1 else sys.__stderr__
        return None if original is None else original.buffer

    def fileno(self) -> int:
        """The file descriptor of the process; it goes to the worker on another way."""
        return self._fd

    def writable(self) -> bool:
        """True."""
        return True

    def write(self, text: str) -> int:
        """Log every line that is complete."""
        if self._speech.is_full:
            self._speech.drop(len(text))
            return len(text)
        with self._lock:
            lines, newline, begun = (self._begun + text).rpartition("\n")
            self._begun = begun
            if newline:
                self._speech.say(self._level, self._source, lines)
            if len(begun) > LONGEST_LINE:
                self.flush_line()
        return len(text)

    def flush(self) -> None:
        """Log what was written so far, also a line that is only begun."""
        original = self.buffer
        if original is not None:
            original.flush()
        self.flush_line()

    def flush_line(self) -> None:
        """Log a line that was begun."""
        with self._lock:
            begun, self._begun = self._begun, ""
            if begun:
                self._speech.say(self._level, self._source, begun)


class _Handler(logging.Handler):
    def __init__(self, speech: Speech) -> None:
        super().__init__()
        self._speech = speech

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = self.format(record)
        except Exception:  # noqa: BLE001  # as all handlers of logging do
            self.handleError(record)
            return
        level = next((name for least, name in _LEVELS if record.levelno >= least), "info")
        self._speech.say(level, record.name, text)
