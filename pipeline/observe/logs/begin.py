"""Observers of the log, by the form and the level that are wanted."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any, TextIO, cast

from twisted.logger import (
    FileLogObserver,
    FilteringLogObserver,
    ILogObserver,
    LogEvent,
    LogLevel,
    PredicateResult,
)
from zope.interface import implementer

from pipeline.observe.logs.lines import classic_line
from pipeline.observe.logs.records import json_line

__all__ = ["FORMATS", "LEVELS", "json_logger", "level_named", "observer", "text_logger"]

FORMATS = ("text", "json")
LEVELS = tuple(level.name for level in LogLevel.iterconstants())


def observer(
    stream: Any,
    line: Callable[[LogEvent], str],
    level: Any = LogLevel.info,
    *,
    of_twisted: Any = None,
) -> ILogObserver:
    """What writes each event to a stream as a line.

    :param line: makes the line.
    :param level: the lowest level that is written.
    :param of_twisted: the same for what Twisted says of itself, if that is higher.
    """
    writing = Orderly(FileLogObserver(stream, line))
    return cast(ILogObserver, FilteringLogObserver(writing, [_from(level, of_twisted or level)]))


@implementer(ILogObserver)
class Orderly:
    """Has an observer see one event at a time, whatever threads log: files that are rotated, and
    progress bars, are not made for more.

    :param observer: the observer.
    """

    def __init__(self, observer: ILogObserver) -> None:
        self._observer = observer
        self._lock = threading.RLock()  # what is formatted may itself log

    def __call__(self, event: LogEvent) -> None:
        with self._lock:
            self._observer(event)


def json_logger() -> ILogObserver:
    """JSON on standard output: ``twistd -n --logger pipeline.observe.logs.json_logger ..``."""
    return observer(_standard_output(), json_line)


def text_logger() -> ILogObserver:
    """Text on standard output, for ``--logger`` as well."""
    return observer(_standard_output(), classic_line)


def level_named(name: str) -> Any:
    """Twisted's level of a name of :data:`LEVELS`."""
    return LogLevel.levelWithName(name)


def _standard_output() -> TextIO:
    return sys.stdout


def _from(level: Any, of_twisted: Any) -> Any:
    def predicate(event: LogEvent) -> Any:
        space = str(event.get("log_namespace", ""))
        is_twisted = space.startswith(("twisted", "log_legacy"))
        lowest = max(level, of_twisted) if is_twisted else level
        if (event.get("log_level") or LogLevel.info) < lowest:
            return PredicateResult.no
        return PredicateResult.maybe

    return predicate
