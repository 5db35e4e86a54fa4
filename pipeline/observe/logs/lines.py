"""Events as lines of text, for people."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from twisted.logger import LogEvent, LogLevel, eventAsText, formatTime

from pipeline.masking import masked
from pipeline.observe.logs.facts import facts_of
from pipeline.terminal import one_event, visible

__all__ = ["TerminalLines", "classic_line"]

_STYLES = {"warn": "yellow", "error": "red", "critical": "red", "debug": "dim"}
#: So many characters of a message's id are enough to tell it from others on a screen.
_ID = 8


def classic_line(event: LogEvent) -> str:
    """An event as twistd has always written it, and what was in hand."""
    level = getattr(event.get("log_level"), "name", "-")
    system = event.get("log_system") or f"{event.get('log_namespace', '-')}#{level}"
    when = formatTime(event.get("log_time"))
    text, further = _texts(event)
    return f"{when} [{visible(str(system))}] {text}{_ids(event)}{further}\n"


class TerminalLines:
    """Events as a person reads them in a terminal.

    :param paint: takes a text and the names of styles, as :class:`pipeline.cli.report.Colours`.
    """

    def __init__(self, paint: Callable[..., str]) -> None:
        self._paint = paint

    def __call__(self, event: LogEvent) -> str:
        """The line, or the lines of a failure, each with its end."""
        when = time.strftime("%H:%M:%S", time.localtime(event["log_time"]))
        name = (event.get("log_level") or LogLevel.info).name
        text, further = _texts(event)
        style = [_STYLES[name]] if name in _STYLES else []
        mark = "" if name == "info" else f"{name}: "
        ids = self._paint(_ids(event), "dim")
        first = self._paint(mark + text, *style)
        rest = self._paint(further, *style)
        return f"{self._paint(when, 'dim')} {first}{ids}{rest}\n"


def _texts(event: LogEvent) -> tuple[str, str]:
    """The first line of what an event says, and all further ones.

    A client may have a say in what an error says.
    """
    said = eventAsText(event, includeTimestamp=False, includeSystem=False).rstrip("\n")
    text = one_event(masked(said))
    first, newline, rest = text.partition("\n")
    return first, newline + rest


def _ids(event: LogEvent) -> str:
    facts: Mapping[str, Any] = facts_of(event)
    if "queue" not in facts:
        return ""
    short = visible(facts["message_id"][:_ID]) + " " if "message_id" in facts else ""
    return f" [{short}{visible(facts['queue'])} #{facts['attempt']}]"
