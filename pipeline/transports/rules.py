"""Rules of a mapping: which value goes where, as what."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pipeline.config.fields import ConfigField
from pipeline.config.problems import Problems
from pipeline.errors import ConfigError, InvalidMessageField, MissingMessageField

__all__ = ["MISSING", "ConfigRules", "Rule", "converted", "found"]

#: That there is no value; null is one.
MISSING: Any = object()

#: The path of everything.
WHOLE = "."

_PATH = re.compile(r"\.|[^.\s]+(\.[^.\s]+)*")
_KEYS = frozenset({"from", "value", "default", "type"})
_NUMBER = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?")


def found(values: Any, path: str) -> Any:
    """The value at a path; :data:`MISSING` where there is none.

    :param values: what was decoded, or a part of it.
    :param path: names with dots between; a name that has dots itself goes first; ``.`` is all.
    """
    if path == WHOLE:
        return values
    if isinstance(values, Mapping) and path in values:
        return values[path]
    for name in path.split("."):
        if not isinstance(values, Mapping) or name not in values:
            return MISSING
        values = values[name]
    return values


def _as_is(value: Any) -> Any:
    return value


def _text(value: Any) -> Any:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    raise InvalidMessageField(f"expected text, got {type(value).__name__}; `type: json` takes it")


def _json(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidMessageField(f"can't be written as JSON: {error}") from None


def _number(value: Any) -> Any:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and (told := _NUMBER.fullmatch(value)):
        return float(value) if told[1] else int(value)
    raise InvalidMessageField(f"expected a number, got {value!r:.40}")


def _time(value: Any) -> datetime:
    try:
        if isinstance(value, datetime):
            return value
        if isinstance(value, str) and not _NUMBER.fullmatch(value):
            return datetime.fromisoformat(value)
        return datetime.fromtimestamp(float(_number(value)), UTC)
    except (ValueError, OverflowError, OSError):
        raise InvalidMessageField(
            f"expected a time, as 2026-01-31T12:00:00Z or seconds since 1970, got {value!r:.40}"
        ) from None


#: type -> what a value becomes.
TYPES: dict[str, Callable[[Any], Any]] = {
    "text": _text,
    "json": _json,
    "number": _number,
    "time": _time,
    "as_is": _as_is,
}


def converted(value: Any, kind: str) -> Any:
    """A value as one of :data:`TYPES`; bytes are UTF-8 text.

    :raise InvalidMessageField: it can't be that.
    """
    if isinstance(value, bytes):
        try:
            value = value.decode()
        except UnicodeDecodeError as error:
            raise InvalidMessageField(f"not UTF-8: {error.reason} at byte {error.start}") from None
    return TYPES[kind](value)


@dataclass(frozen=True, slots=True)
class Rule:
    """Where a value comes from.

    :param path: see :func:`found`; None for a constant.
    :param default: the constant; or what stands for a value that is not there.
    :param kind: one of :data:`TYPES`; None: what suits the place it goes to.
    """

    path: str | None = None
    default: Any = MISSING
    kind: str | None = None

    def value_in(self, values: Any, kind: str) -> Any:
        """The value.

        :param kind: what it should be unless the rule says so.
        :raise MissingMessageField: it isn't there.
        :raise InvalidMessageField: it is something else.
        """
        value = MISSING if self.path is None else found(values, self.path)
        if value is not MISSING:
            return converted(value, self.kind or kind)
        if self.default is MISSING:
            raise MissingMessageField(f"{self.path!r} is missing")
        return self.default


class ConfigRules(ConfigField[dict[str, Rule]]):
    """A mapping of names to rules: each a path, or ``{from:, value:, default:, type:}``."""

    kind = "mapping of fields"

    def __set_name__(self, owner: type, name: str) -> None:
        # Where it is written; as an attribute of a Config that name is taken.
        self.name = "fields"

    def __get__(self, config: Any, owner: type) -> Any:
        return self if config is None else vars(config)[self.name]

    def clean(self, value: Any) -> dict[str, Rule]:
        """:raises ConfigError: not such a mapping."""
        if not isinstance(value, Mapping):
            raise self._expected("a mapping", value, "as {content: text, from_addr: user.phone}")
        rules: dict[str, Rule] = {}
        problems = Problems()
        for name, given in value.items():
            with problems.collecting():
                rules[str(name)] = given if isinstance(given, Rule) else _rule(str(name), given)
        problems.raise_any()
        return rules


def _rule(name: str, given: Any) -> Rule:
    if isinstance(given, Mapping):
        return _long_rule(name, given)
    return Rule(_path(name, given))


def _long_rule(name: str, given: Mapping[str, Any]) -> Rule:
    unknown = sorted(set(given) - _KEYS)
    if unknown:
        raise ConfigError(f"{name}: there is no {unknown[0]!r} in a rule", hint=_known())
    if ("from" in given) == ("value" in given):
        raise ConfigError(f"{name}: a rule has either `from` or `value`", hint=_known())
    kind = given.get("type")
    if kind is not None and kind not in TYPES:
        raise ConfigError(f"{name}: type must be one of {', '.join(TYPES)}, got {kind!r}")
    if "value" in given:
        return Rule(None, given["value"], kind)
    return Rule(_path(name, given["from"]), given.get("default", MISSING), kind)


def _path(name: str, given: Any) -> str:
    if isinstance(given, str) and _PATH.fullmatch(given):
        return given
    raise ConfigError(
        f"{name}: expected a path, as text or user.phone, got {given!r}",
        hint="a constant is written {value: ..}",
    )


def _known() -> str:
    return f"it has {', '.join(sorted(_KEYS))}"
