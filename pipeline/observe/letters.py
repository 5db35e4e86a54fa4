"""One dead letter in words and values, for a person or for another program."""

from __future__ import annotations

import base64
import json
import re
from datetime import UTC, datetime
from typing import Any, NamedTuple

from pipeline.codec import Codec, Undecodable
from pipeline.delivery import DeadLetterEntry

__all__ = ["Letter", "escaped", "history_of", "message_of", "position", "summary", "whole"]

_JSON = Codec("json")
#: As W3C writes it.
_TRACE_ID = re.compile(r'"traceparent": ?"[0-9a-f]{2}-([0-9a-f]{32})-')


class Letter(NamedTuple):
    """A dead letter and where it lies.

    :param entry: as its broker gave it.
    :param partition: the partition it lies in.
    """

    entry: DeadLetterEntry
    partition: int = 0

    @property
    def reference(self) -> str:
        """What an operator calls it: its id, with ``/2`` behind it in partition 2."""
        return f"{self.entry.id}/{self.partition}" if self.partition else self.entry.id

    @property
    def queue(self) -> str:
        """The queue it came from; an instance's, if that is known."""
        return self.text("queue") or self.entry.queue

    @property
    def payload(self) -> bytes:
        """The message as it lay on the wire."""
        return self.entry.fields.get("payload", b"")

    @property
    def died_at(self) -> float:
        """When it became a dead letter, in seconds since the epoch; an edit doesn't change it."""
        return int(self.text("died_at") or position(self.entry.id)[0]) / 1000

    @property
    def history(self) -> list[Any]:
        """Its failed attempts and what operators did with it, oldest first."""
        return history_of(self.entry.fields.get("history", b""))

    @property
    def trace_id(self) -> str:
        """The id of its trace, to be looked for where traces are kept; '' when it is in none."""
        found = _TRACE_ID.search(self.text("trace"))
        return found[1] if found else ""

    def text(self, name: str) -> str:
        """A field as text; '' when it has none of this name."""
        return self.entry.fields.get(name, b"").decode("utf-8", "replace")

    def number(self, name: str) -> int | None:
        """A field as a number; None when it is none."""
        text = self.text(name)
        return int(text) if text.isascii() and text.isdigit() else None


def history_of(raw: bytes) -> list[Any]:
    """The events of a history as it travels; none of one that can't be read."""
    try:
        known = json.loads(raw or b"[]")
    except ValueError:
        return []
    return known if isinstance(known, list) else []


def position(id: str) -> tuple[int, int]:
    """An id as numbers, which compare as the letters stand."""
    first, _, second = id.partition("-")
    return int(first), int(second or 0)


def summary(letter: Letter) -> dict[str, Any]:
    """What a list shows of a letter, as JSON can hold it; times are ISO 8601, in UTC."""
    enqueued = letter.number("enqueued_at")
    return {
        "id": letter.reference,
        "queue": letter.queue,
        "reason": letter.text("reason"),
        "error": letter.text("error"),
        "where": letter.text("where"),
        "attempts": letter.number("attempts"),
        "trace_id": letter.trace_id,
        "died_at": _iso(letter.died_at),
        "enqueued_at": None if enqueued is None else _iso(enqueued / 1000),
        "bytes": len(letter.payload),
    }


def whole(letter: Letter, codec: Codec) -> dict[str, Any]:
    """All that is known of a letter, as JSON can hold it.

    ``message`` is the message, or null if it can't be decoded: then ``undecodable`` says why.
    ``base64`` has the raw bytes in any case, ``text`` the same bytes to be read.
    """
    message, undecodable = message_of(letter, codec)
    return {
        **summary(letter),
        "traceback": letter.text("traceback"),
        "history": letter.history,
        "message": message,
        "undecodable": undecodable,
        "base64": base64.b64encode(letter.payload).decode(),
        "text": escaped(letter.payload),
    }


def message_of(letter: Letter, codec: Codec) -> tuple[dict[str, Any] | None, str | None]:
    """A letter's message as a JSON object, or None and why it is none."""
    decoded = codec.decode(letter.payload)
    if isinstance(decoded, Undecodable):
        return None, decoded.reason
    return json.loads(_JSON.encode(decoded)), None


def escaped(data: bytes) -> str:
    """Bytes as text: what is printable UTF-8 stays, everything else is written as ``\\x1b``."""
    text = data.decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() or c == "\n" else _code(c) for c in text)


def _code(character: str) -> str:
    return character.encode("unicode_escape").decode()


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
