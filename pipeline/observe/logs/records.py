"""Events as objects of JSON, one a line, for programs that read logs."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from twisted.logger import LogEvent, LogLevel, formatEvent
from twisted.python.failure import Failure

from pipeline.masking import HIDDEN, is_secret_name, masked
from pipeline.observe.logs.facts import facts_of

__all__ = ["json_line", "record_of"]

#: The longest texts in a record, in characters: of what is longer the begin is kept, of a traceback
#: the end.
LONGEST_TEXT, LONGEST_TRACEBACK, LONGEST_FIELD = 16_384, 16_384, 1024
#: The most fields of an event's own.
MOST_FIELDS = 50


def json_line(event: LogEvent) -> str:
    """An event as one line. All of it is ASCII: no reader and no terminal can mistake it."""
    return json.dumps(record_of(event), separators=(",", ":")) + "\n"


def record_of(event: LogEvent) -> dict[str, Any]:
    """An event as ``time`` (UTC), ``level``, ``logger``, ``message``, what
    :func:`~pipeline.observe.logs.facts.facts_of` knows, ``pid``, ``exception`` of a failure, and
    ``fields``: what the event has besides of texts, numbers and booleans.
    """
    at = datetime.fromtimestamp(event.get("log_time", 0), UTC)
    level = event.get("log_level") or LogLevel.info
    text = masked(formatEvent(event))
    record = {
        "time": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": level.name,
        "logger": str(event.get("log_namespace", "")),
        "message": _begin(text, LONGEST_TEXT),
        **facts_of(event),
        "pid": os.getpid(),
    }
    failure = event.get("log_failure")
    if isinstance(failure, Failure):
        record["exception"] = _exception(failure)
    if fields := dict(_fields(event, text)):
        record["fields"] = fields
    return record


def _exception(failure: Failure) -> dict[str, Any]:
    try:
        text, traceback = failure.getErrorMessage(), failure.getTraceback()
    except Exception as error:  # noqa: BLE001  # an exception whose text can't be made
        text, traceback = f"<no text: {type(error).__name__}>", ""
    kind = failure.type
    name = f"{kind.__module__}.{kind.__qualname__}" if isinstance(kind, type) else str(kind)
    return {
        "type": name.removeprefix("builtins."),
        "text": _begin(masked(text), LONGEST_TEXT),
        "traceback": masked(traceback)[-LONGEST_TRACEBACK:].splitlines(),
    }


def _fields(event: Mapping[str, Any], text: str) -> Iterator[tuple[str, Any]]:
    """What is of a plain type; a text that the message has in full is not said twice."""
    count = 0
    for name, value in event.items():
        if name.startswith("log_") or name in _OF_TWISTED or count >= MOST_FIELDS:
            continue
        if value is None or isinstance(value, bool | int):
            shown: Any = value
        elif isinstance(value, float):
            shown = value if value - value == 0 else str(value)  # JSON has no NaN
        elif isinstance(value, str) and not (len(value) > _SHORT and value in text):
            shown = _begin(masked(value), LONGEST_FIELD)
        else:
            continue
        count += 1
        yield name, HIDDEN if is_secret_name(name) else shown


#: What the old log of Twisted puts into every event.
_OF_TWISTED = frozenset(
    {"message", "time", "system", "isError", "failure", "why", "format", "text"}
)
#: Texts that are longer are left out of the fields if they stand in the message.
_SHORT = 100


def _begin(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}… ({len(text) - most:,} more characters)"
