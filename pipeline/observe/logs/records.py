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

#: The longest line, in bytes, so that nobody who passes lines on has to cut one: the supervisor,
#: and what collects the output of containers, do so at 16 KiB.
LONGEST_LINE = 16_000
#: The longest texts in a record, in characters: of what is longer the begin is kept, of a traceback
#: the end. Escapes may need six times the room: then texts are made shorter, and at last fields are
#: left out.
LONGEST_TEXT, LONGEST_FIELD, SHORTEST_TEXT = 8192, 1024, 256
#: The most fields of an event's own.
MOST_FIELDS = 50


def json_line(event: LogEvent) -> str:
    """An event as one line. All of it is ASCII: no reader and no terminal can mistake it."""
    longest = LONGEST_TEXT
    line = _dumped(record_of(event))
    while len(line) > LONGEST_LINE and longest > SHORTEST_TEXT:
        longest //= 2
        line = _dumped(record_of(event, longest))
    if len(line) > LONGEST_LINE:
        line = _dumped({**record_of(event, longest), "fields": {}})
    return line + "\n"


def _dumped(record: dict[str, Any]) -> str:
    return json.dumps(record, separators=(",", ":"))


def record_of(event: LogEvent, longest: int = LONGEST_TEXT) -> dict[str, Any]:
    """An event as ``time`` (UTC), ``level``, ``logger``, ``message``, what
    :func:`~pipeline.observe.logs.facts.facts_of` knows, ``pid``, ``exception`` of a failure, and
    ``fields``: what the event has besides of texts, numbers and booleans.

    :param longest: the most characters of its texts.
    """
    at = datetime.fromtimestamp(event.get("log_time", 0), UTC)
    level = event.get("log_level") or LogLevel.info
    text = masked(formatEvent(event))
    record = {
        "time": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": level.name,
        "logger": str(event.get("log_namespace", "")),
        "message": _begin(text, longest),
        **facts_of(event),
        "pid": os.getpid(),
    }
    failure = event.get("log_failure")
    if isinstance(failure, Failure):
        record["exception"] = _exception(failure, longest)
    if fields := dict(_fields(event, text, min(LONGEST_FIELD, longest))):
        record["fields"] = fields
    return record


def _exception(failure: Failure, longest: int) -> dict[str, Any]:
    try:
        text, traceback = failure.getErrorMessage(), failure.getTraceback()
    except Exception as error:  # noqa: BLE001  # an exception whose text can't be made
        text, traceback = f"<no text: {type(error).__name__}>", ""
    kind = failure.type
    name = f"{kind.__module__}.{kind.__qualname__}" if isinstance(kind, type) else str(kind)
    return {
        "type": name.removeprefix("builtins."),
        "text": _begin(masked(text), longest),
        "traceback": masked(traceback)[-longest:].splitlines(),
    }


def _fields(event: Mapping[str, Any], text: str, longest: int) -> Iterator[tuple[str, Any]]:
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
            shown = _begin(masked(value), longest)
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
