"""Vumi's way to log, so that what was written for it goes on after its imports have changed.

::

    from pipeline import log

    log.info("%s has paid %d", user, amount)
    log.error("not paid", cause=error)

Texts and levels go to :mod:`twisted.logger`, which new code uses itself. Functions and their
arguments are those of Vumi (0.6.19, ``vumi.log``); ``msg`` and ``err`` are those of
:mod:`twisted.python.log`.
"""

from __future__ import annotations

from typing import Any

from twisted.logger import Logger, LogLevel
from twisted.python.failure import Failure
from twisted.python.log import err, msg

__all__ = ["VumiLog", "critical", "debug", "err", "error", "info", "msg", "name", "warning"]


class VumiLog:
    """Logs under a name.

    Each function takes a text with ``%`` and what to put there; or an exception or Failure, for
    ``error`` and ``critical``, which is logged with its traceback. ``cause=`` is an exception or
    Failure besides a text. Other named arguments go along with the event.

    :param name: the namespace of its events.
    """

    msg = staticmethod(msg)
    err = staticmethod(err)

    def __init__(self, name: str) -> None:
        self.name = name
        self._log = Logger(name)

    def debug(self, what: Any, *values: Any, **event: Any) -> None:
        """Log what only helps to find errors."""
        self._emit(LogLevel.debug, what, values, event)

    def info(self, what: Any, *values: Any, **event: Any) -> None:
        """Log what is usual."""
        self._emit(LogLevel.info, what, values, event)

    def warning(self, what: Any, *values: Any, **event: Any) -> None:
        """Log what is unusual."""
        self._emit(LogLevel.warn, what, values, event)

    def error(self, what: Any = None, *values: Any, **event: Any) -> None:
        """Log an error."""
        self._fail(LogLevel.error, what, values, event)

    def critical(self, what: Any = None, *values: Any, **event: Any) -> None:
        """Log what somebody should look at now."""
        self._fail(LogLevel.critical, what, values, event)

    def _emit(self, level: Any, what: Any, values: tuple[Any, ...], event: dict[str, Any]) -> None:
        self._log.emit(level, "{text}", text=_text(what, values), **event)

    def _fail(self, level: Any, what: Any, values: tuple[Any, ...], event: dict[str, Any]) -> None:
        cause = event.pop("cause", None)
        if isinstance(what, BaseException | Failure):
            what, cause = "", what
        failure = Failure(cause) if isinstance(cause, BaseException) else cause
        if failure is None:
            self._emit(level, what, values, event)
            return
        text = _text(what, values) or "error"
        self._log.failure("{text}", failure, level, text=text, **event)


def _text(what: Any, values: tuple[Any, ...]) -> str:
    """The text, with its values; as it is where they don't fit it. Logging never fails."""
    text = what if isinstance(what, str) else repr(what)
    try:
        return text % values if values else text
    except (TypeError, ValueError):
        return f"{text} {values!r}"


def name(what: Any) -> VumiLog:
    """What logs under a name.

    :param what: the name; or a class, or an instance of one, which then is the name.
    """
    if isinstance(what, str):
        return VumiLog(what)
    return VumiLog((what if isinstance(what, type) else type(what)).__name__)


_root = VumiLog("pipeline")

debug = _root.debug
info = _root.info
warning = _root.warning
error = _root.error
critical = _root.critical
