"""Running a system in this terminal, until it is done or somebody presses Ctrl-C."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TextIO

from twisted.logger import (
    FileLogObserver,
    FilteringLogObserver,
    ILogObserver,
    LogEvent,
    LogLevel,
    PredicateResult,
    eventAsText,
    globalLogBeginner,
)

from pipeline.cli.report import Colours, harmless
from pipeline.errors import PipelineError
from pipeline.service.process import stop, stop_on_signals
from pipeline.service.running import System
from pipeline.service.steady import keep_steady

__all__ = ["log_to", "run_in_foreground"]

Make = Callable[[Callable[[str], None]], System]

_STYLES = {"warn": "yellow", "error": "red", "critical": "red", "debug": "dim"}


def run_in_foreground(make: Make, reactor: Any) -> int:
    """Run a system until it ends.

    :param make: makes the system, given what to call when it can't start.
    :return: the exit status, 0 when it ended as it was asked to.
    :raise PipelineError: it could not start.
    """
    problems: list[str] = []
    keep_steady(reactor)

    def failed(explanation: str) -> None:
        problems.append(explanation)
        reactor.callWhenRunning(stop, reactor)

    system = make(failed)
    reactor.callWhenRunning(system.startService)
    reactor.addSystemEventTrigger("before", "shutdown", system.stopService)
    stop_on_signals(reactor, system.hurry)
    reactor.run()
    if problems:
        raise PipelineError(problems[0])
    return 0


def log_to(
    stream: TextIO, level: LogLevel = LogLevel.info, before: Callable[[], None] = lambda: None
) -> None:
    """Write the log to a stream, one line an event, as a person reads it.

    What Twisted itself says below a warning is left out.

    :param before: called before each line, as to take a progress bar away.
    """
    observer = FilteringLogObserver(_human(stream, before), [_from(level)])
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False)


def _human(stream: TextIO, before: Callable[[], None]) -> ILogObserver:
    colours = Colours(stream)

    def line(event: LogEvent) -> str:
        before()
        when = time.strftime("%H:%M:%S", time.localtime(event["log_time"]))
        name = event["log_level"].name
        # A client may have a say in what an error says.
        text = harmless(eventAsText(event, includeTimestamp=False, includeSystem=False))
        style = [_STYLES[name]] if name in _STYLES else []
        mark = "" if name == "info" else f"{name}: "
        return f"{colours(when, 'dim')} {colours(mark + text, *style)}\n"

    return FileLogObserver(stream, line)


def _from(level: LogLevel) -> Any:
    def predicate(event: LogEvent) -> Any:
        space = str(event.get("log_namespace", ""))
        is_twisted = space.startswith(("twisted", "log_legacy"))
        lowest = max(level, LogLevel.warn) if is_twisted else level
        if event.get("log_level", LogLevel.info) < lowest:
            return PredicateResult.no
        return PredicateResult.maybe

    return predicate
