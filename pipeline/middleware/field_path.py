"""The way to a value in a message, as ``from_addr`` or ``helper_metadata.order_id``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Any

import msgspec

from pipeline.config.fields import ConfigField

__all__ = ["ConfigFieldPath", "ConfigFieldPaths", "key_getter", "value_getter"]

_PATH = re.compile(r"[\w-]+(\.[\w-]+)*")

#: The longest value that stands in a key as it is.
_LONGEST = 64

_encode = msgspec.json.Encoder(order="deterministic").encode


class ConfigFieldPath(ConfigField[str]):
    """A field of a message, or a key in one, with dots between."""

    kind = "field path"

    def clean(self, value: Any) -> str:
        """:raises ConfigError: not such a path."""
        if isinstance(value, str) and _PATH.fullmatch(value):
            return value
        raise self._expected("a field's path", value, "as from_addr or helper_metadata.order_id")


class ConfigFieldPaths(ConfigField[tuple[str, ...]]):
    """Several of them, as a list; a single text is a list of one."""

    kind = "list of field paths"

    def clean(self, value: Any) -> tuple[str, ...]:
        """:raises ConfigError: not a list of such paths."""
        listed = [value] if isinstance(value, str) else value
        if not isinstance(listed, list | tuple):
            raise self._expected("a list of fields' paths", value, "as [content, from_addr]")
        return tuple(_PATH_FIELD.clean(each) for each in listed)


_PATH_FIELD = ConfigFieldPath("")


def value_getter(path: str) -> Callable[[Any], Any]:
    """Make the function that finds a value in a message; it gives None where there is none.

    :param path: a field, or a key of ``extra``, and keys in it with dots between. ``id`` is a
        message's id or an event's.
    """
    first, *rest = path.split(".")
    if path == "id":
        return _id
    if first == "extra":
        return lambda message: _within(message.extra, rest)
    if not rest:
        return lambda message: message.get(first)
    return lambda message: _within(message.get(first), rest)


def _id(message: Any) -> Any:
    return getattr(message, "message_id", None) or getattr(message, "event_id", None)


def _within(value: Any, rest: list[str]) -> Any:
    for name in rest:
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value


def key_getter(path: str) -> Callable[[Any], str | None]:
    """Make the function that turns a value of a message into part of a key of the store.

    Equal values have equal keys. Long texts and values that are no text are hashed, 128 bits.

    :param path: see :func:`value_getter`.
    :return: a function of a message; it gives None where there is no value.
    """
    value_of = value_getter(path)

    def key_of(message: Any) -> str | None:
        value = value_of(message)
        if value is None:
            return None
        if type(value) is str and len(value) <= _LONGEST:
            return f"={value}"
        return f"#{blake2b(_encode(value), digest_size=16).hexdigest()}"

    return key_of
