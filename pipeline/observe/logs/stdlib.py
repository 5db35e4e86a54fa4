"""What libraries log by the standard ``logging`` goes to Twisted's log, once."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any

from twisted.logger import Logger, LogLevel
from twisted.python.failure import Failure

__all__ = ["ToTwisted", "take_over"]

_LEVELS = (
    (logging.CRITICAL, LogLevel.critical),
    (logging.ERROR, LogLevel.error),
    (logging.WARNING, LogLevel.warn),
    (logging.INFO, LogLevel.info),
)
#: What every record has; the rest was given by who logs, as ``extra``.
_USUAL = frozenset({*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"})
#: The name under which Twisted logs to the standard library, if somebody has it do so.
_TWISTED = "twisted"


class ToTwisted(logging.Handler):
    """Has each record logged by Twisted, in the namespace of its name."""

    def __init__(self) -> None:
        super().__init__()
        self._loggers: dict[str, Logger] = {}
        self._busy = threading.local()

    def emit(self, record: logging.LogRecord) -> None:
        """Log it; not what comes from Twisted, or from logging this."""
        if record.name == _TWISTED or getattr(self._busy, "is_so", False):
            return
        self._busy.is_so = True
        try:
            self._emit(record)
        except Exception:  # noqa: BLE001  # as all handlers of logging do
            self.handleError(record)
        finally:
            self._busy.is_so = False

    def _emit(self, record: logging.LogRecord) -> None:
        level = next((ours for least, ours in _LEVELS if record.levelno >= least), LogLevel.debug)
        logger = self._loggers.get(record.name)
        if logger is None:
            logger = self._loggers[record.name] = Logger(record.name)
        event: dict[str, Any] = dict(_given(record))
        if record.exc_info and record.exc_info[1] is not None:
            kind, value, traceback = record.exc_info
            event["log_failure"] = Failure(value, kind, traceback)
        logger.emit(level, "{text}", text=record.getMessage(), **event)


def _given(record: logging.LogRecord) -> Iterator[tuple[str, Any]]:
    for name, value in vars(record).items():
        if name not in _USUAL and name != "text" and not name.startswith("log_"):
            yield name, value


def take_over(level: Any) -> Callable[[], None]:
    """Have Twisted log what comes by ``logging``, unless the program has set that up for itself.

    :param level: a Twisted level; what is lower isn't even made a record of.
    :return: what undoes it.
    """
    root = logging.getLogger()
    if root.handlers:
        return lambda: None
    handler = ToTwisted()
    before = root.level
    root.addHandler(handler)
    if before in (logging.WARNING, logging.NOTSET):  # as it is when nobody has set it
        root.setLevel(_stdlib_level(level))

    def give_back() -> None:
        root.removeHandler(handler)
        root.setLevel(before)

    return give_back


def _stdlib_level(level: Any) -> int:
    return next((theirs for theirs, ours in _LEVELS if ours == level), logging.DEBUG)
