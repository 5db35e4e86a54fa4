"""A dead letter laid out for a person."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from pipeline.cli.table import span, visible

__all__ = ["shown"]

_FIELDS = ("id", "queue", "reason", "error", "where", "attempts", "trace_id")


def shown(letter: dict[str, Any], now: float) -> str:
    """All that is known of a letter, as text with no line that a terminal would obey.

    :param letter: as :func:`pipeline.observe.letters.whole` gives it.
    :param now: seconds since the epoch.
    """
    return "\n".join([*_fields(letter, now), *_history(letter), *_trace(letter), *_message(letter)])


def _fields(letter: dict[str, Any], now: float) -> Iterator[str]:
    for name in _FIELDS:
        if letter[name] not in (None, ""):
            yield f"{name:<10}{visible(str(letter[name]))}"
    for name in ("died_at", "enqueued_at"):
        if letter[name]:
            then = datetime.fromisoformat(letter[name])
            ago = span(now - then.timestamp())
            yield f"{name.removesuffix('_at'):<10}{_when(then.timestamp())} ({ago} ago)"


def _history(letter: dict[str, Any]) -> Iterator[str]:
    if letter["history"]:
        yield "history"
    for event in letter["history"]:
        yield f"  {visible(_event(event))}"


def _event(event: Any) -> str:
    if not isinstance(event, dict):
        return json.dumps(event)
    for what in ("requeued", "edited"):
        if what in event:
            return f"{_when(event[what])}  {what}; it was {event.get('reason', '?')}"
    if "attempt" not in event:
        return json.dumps(event)
    place = f" in {event['where']}" if event.get("where") else ""
    return f"{_when(event.get('at'))}  attempt {event['attempt']}: {event.get('error')}{place}"


def _when(seconds: Any) -> str:
    if not isinstance(seconds, int | float):
        return "?"
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _trace(letter: dict[str, Any]) -> Iterator[str]:
    if letter["traceback"]:
        yield "traceback"
        yield from (f"  {visible(line)}" for line in letter["traceback"].rstrip().split("\n"))


def _message(letter: dict[str, Any]) -> Iterator[str]:
    if letter["message"] is not None:
        yield "message"
        text = json.dumps(letter["message"], indent=2, ensure_ascii=False)
        yield from (f"  {visible(line)}" for line in text.split("\n"))
        return
    yield f"message   undecodable: {visible(letter['undecodable'])}"
    yield f"  text    {visible(letter['text'])}"
    yield f"  base64  {letter['base64']}"
