"""The log of ``twistd``: where its options say, in the form that the configuration says."""

from __future__ import annotations

import signal
import sys
from collections.abc import Mapping
from typing import Any

from twisted.logger import ILogObserver
from twisted.python.logfile import LogFile

from pipeline.config.schemas import SystemConfig
from pipeline.observe.logs.begin import level_named, observer
from pipeline.observe.logs.lines import classic_line
from pipeline.observe.logs.records import json_line
from pipeline.observe.logs.stdlib import take_over

__all__ = ["log_observer"]


def log_observer(options: Mapping[str, Any], config: SystemConfig) -> ILogObserver | None:
    """What takes the place of twistd's own observer.

    That writes text as it comes, with whatever a client made a part of it.

    :param options: twistd's.
    :return: None if they name a logger, or syslog: then that logs.
    """
    level = level_named(config.log_level)
    take_over(level)
    if options.get("logger") or options.get("syslog"):
        return None
    line = json_line if config.log_format == "json" else classic_line
    return observer(_file(options), line, level)


def _file(options: Mapping[str, Any]) -> Any:
    """Where twistd would log to."""
    name, in_foreground = options.get("logfile"), options.get("nodaemon")
    if name == "-" and not in_foreground:
        raise SystemExit("Daemons cannot log to stdout, exiting!")  # twistd's words
    if name == "-" or (in_foreground and not name):
        return sys.stdout
    file = LogFile.fromFullPath(name or "twistd.log")
    if not signal.getsignal(signal.SIGUSR1):
        signal.signal(signal.SIGUSR1, lambda number, frame: _rotate(file))
    return file


def _rotate(file: LogFile) -> None:
    from twisted.internet import reactor

    running: Any = reactor
    running.callFromThread(file.rotate)
