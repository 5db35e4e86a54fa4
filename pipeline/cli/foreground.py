"""Running a system in this terminal, until it is done or somebody presses Ctrl-C."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TextIO

from twisted.logger import LogEvent, LogLevel, globalLogBeginner

from pipeline.cli.report import Colours
from pipeline.errors import PipelineError
from pipeline.observe.logs.begin import observer
from pipeline.observe.logs.lines import TerminalLines
from pipeline.observe.logs.records import json_line
from pipeline.observe.logs.stdlib import take_over
from pipeline.service.collecting import collect_seldom, mind
from pipeline.service.process import stop, stop_on_signals
from pipeline.service.running import System
from pipeline.service.steady import keep_steady

__all__ = ["log_to", "run_in_foreground"]

Make = Callable[[Callable[[str], None]], System]


def run_in_foreground(make: Make, reactor: Any) -> int:
    """Run a system until it ends.

    :param make: makes the system, given what to call when it can't start.
    :return: the exit status, 0 when it ended as it was asked to.
    :raise PipelineError: it could not start.
    """
    problems: list[str] = []
    keep_steady(reactor)
    collect_seldom(reactor)

    def failed(explanation: str) -> None:
        problems.append(explanation)
        reactor.callWhenRunning(stop, reactor)

    system = make(failed)
    mind(system)
    reactor.callWhenRunning(system.startService)
    reactor.addSystemEventTrigger("before", "shutdown", system.stopService)
    stop_on_signals(reactor, system.hurry)
    reactor.run()
    if problems:
        raise PipelineError(problems[0])
    return 0


def log_to(
    stream: TextIO,
    level: LogLevel = LogLevel.info,
    before: Callable[[], None] = lambda: None,
    form: str = "text",
) -> None:
    """Write the log to a stream, also what libraries log by the standard ``logging``.

    What Twisted itself says below a warning is left out.

    :param before: called before each line, as to take a progress bar away.
    :param form: ``text``, as a person reads it; or ``json``.
    """
    line = json_line if form == "json" else TerminalLines(Colours(stream))

    def cleared(event: LogEvent) -> str:
        before()
        return line(event)

    seen = observer(stream, cleared, level, of_twisted=LogLevel.warn)
    globalLogBeginner.beginLoggingTo([seen], redirectStandardIO=False)
    take_over(level)
