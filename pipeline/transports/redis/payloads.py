"""What stands in an entry, as values and back: fields, JSON, msgpack or plain text."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from pipeline.errors import InvalidMessage, PermanentFailure
from pipeline.transports.rules import MISSING, WHOLE

__all__ = ["FORMATS", "Pairs", "as_bytes", "decoded", "encoded", "raw"]

#: A stream entry's fields and values, in their order; a name may come twice.
Pairs = Sequence[tuple[bytes, bytes]]

FORMATS = ("fields", "json", "msgpack", "text")

_from_json = msgspec.json.Decoder().decode
_to_json = msgspec.json.Encoder().encode
_from_msgpack = msgspec.msgpack.Decoder().decode
_to_msgpack = msgspec.msgpack.Encoder().encode


def decoded(data: bytes, format: str) -> Any:
    """The values in a payload.

    :param format: ``json``, ``msgpack`` or ``text``.
    :raise InvalidMessage: it is not of this format, or not an object.
    """
    if format == "text":
        return data
    try:
        values = _from_json(data) if format == "json" else _from_msgpack(data)
    except (ValueError, RecursionError) as error:  # msgspec's errors are ValueErrors
        raise InvalidMessage(f"not {format}: {error}") from None
    if not isinstance(values, Mapping):
        raise InvalidMessage(f"expected an object of fields, got {type(values).__name__}")
    return values


def named(pairs: Pairs) -> dict[str, bytes]:
    """A stream entry's fields by name; of a name that comes twice the last counts."""
    return {name.decode("utf-8", "surrogateescape"): value for name, value in pairs}


def raw(value: Pairs | bytes) -> bytes:
    """An entry as it came, for a dead letter.

    A stream entry becomes a JSON array of its fields and values, from which each byte can be had
    back: what is no UTF-8 is written as Python's ``surrogateescape`` does, ``\\udcff`` for 0xff.
    """
    if isinstance(value, bytes):
        return value
    text = [[part.decode("utf-8", "surrogateescape") for part in pair] for pair in value]
    return json.dumps(text).encode()


def as_bytes(value: Any) -> bytes:
    """A value as a stream's field, or a text, holds it: text as it is, the rest as JSON."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode("utf-8", "replace")
    return _to_json(_plain(value))


def encoded(values: Mapping[str, Any], format: str) -> bytes:
    """Values as a payload; names with dots become objects in objects.

    :param format: ``json``, ``msgpack`` or ``text``: then what is called ``.``.
    :raise PermanentFailure: they can't be written so.
    """
    if format == "text":
        if values.get(WHOLE, None) is None:
            raise PermanentFailure("there is no text to be written: the message has no content")
        return as_bytes(values[WHOLE])
    try:
        nested = _nested(values)
        return _to_json(nested) if format == "json" else _to_msgpack(nested)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise PermanentFailure(f"can't be written as {format}: {error}") from error


def _nested(values: Mapping[str, Any]) -> dict[str, Any]:
    top: dict[str, Any] = {}
    for path, value in values.items():
        *way, last = path.split(".")
        place = top
        for name in way:
            place = place.setdefault(name, {})
            if not isinstance(place, dict):
                raise TypeError(f"{path!r} is both a value and an object")
        if place.setdefault(last, MISSING) is not MISSING:
            raise TypeError(f"{path!r} is both a value and an object")
        place[last] = _plain(value)
    return top


def _plain(value: Any) -> Any:
    """Times as ISO 8601 text, which every language can read."""
    return value.isoformat() if isinstance(value, datetime) else value
