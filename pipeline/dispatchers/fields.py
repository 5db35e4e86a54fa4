"""Options that name connectors."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

from pipeline.config.fields import ConfigField, ConfigText
from pipeline.config.positions import key_position, position
from pipeline.config.problems import Problems, described
from pipeline.config.references import ConfigRegex
from pipeline.errors import ConfigError

__all__ = [
    "ConfigNames",
    "ConfigPatterns",
    "ConfigRouteLists",
    "ConfigRoutes",
    "ConfigTable",
    "Mention",
]

T = TypeVar("T")

_TEXT = ConfigText("")
_REGEX = ConfigRegex("")


class Mention(NamedTuple):
    """A connector that an option names.

    :param name: the connector.
    :param side: the option that must have it: ``receive_inbound_connectors`` or the other.
    :param option: where it was named, for the error's text.
    :param at: where it was written.
    """

    name: str
    side: str
    option: str
    at: str | None


class ConfigNames(ConfigField[list[str]]):
    """A list of names, none of them twice."""

    kind = "list of names"

    def clean(self, value: Any) -> list[str]:
        """:raises ConfigError: not a list, a name is no text, or comes twice."""
        names = _names(value)
        for index, name in enumerate(names):
            if name in names[:index]:
                raise ConfigError(f"{name!r} is here twice", at=position(value, (index,)))
        return names


class ConfigRoutes(ConfigField[dict[str, str]]):
    """A mapping of names to names."""

    kind = "mapping of names to names"

    def clean(self, value: Any) -> dict[str, str]:
        """:raises ConfigError: not a mapping, or not of texts."""
        return _mapped(value, _name)


class ConfigRouteLists(ConfigField[dict[str, list[str]]]):
    """A mapping of names to lists of names; one name stands for a list of it."""

    kind = "mapping of names to lists of names"

    def clean(self, value: Any) -> dict[str, list[str]]:
        """:raises ConfigError: not a mapping, or not of lists of names."""
        return _mapped(value, lambda each: [each] if isinstance(each, str) else _names(each))


class ConfigPatterns(ConfigField[dict[str, re.Pattern[str]]]):
    """A mapping of names to regular expressions; the values are compiled."""

    kind = "mapping of names to regular expressions"

    def clean(self, value: Any) -> dict[str, re.Pattern[str]]:
        """:raises ConfigError: not a mapping, or not of patterns."""
        return _mapped(value, _REGEX.clean)


class ConfigTable(ConfigField[dict[str, dict[str, tuple[str, str]]]]):
    """A routing table: connector -> endpoint -> [connector, endpoint]."""

    kind = "routing table"

    def clean(self, value: Any) -> dict[str, dict[str, tuple[str, str]]]:
        """:raises ConfigError: it has another form."""
        return _mapped(value, lambda ways: _mapped(ways, _pair))


def _name(value: Any) -> str:
    if not _TEXT.clean(value):
        raise ConfigError("expected a name, got an empty text")
    return str(value)


def _names(value: Any) -> list[str]:
    if not isinstance(value, (list, tuple)):
        raise ConfigError(f"expected a list of names, got {described(value)}", hint="as [one, two]")
    problems = Problems()
    names = [
        _placed(_name, each, position(value, (at,)), problems) for at, each in enumerate(value)
    ]
    problems.raise_any()
    return [name for name in names if name is not None]


def _pair(value: Any) -> tuple[str, str]:
    names = _names(value)
    if len(names) != 2:
        raise ConfigError(f"expected [connector, endpoint], got {len(names)} names")
    return names[0], names[1]


def _mapped(value: Any, clean: Callable[[Any], T]) -> dict[str, T]:
    """A mapping with every value cleaned; what is wrong with any of them is said."""
    if not isinstance(value, Mapping):
        raise ConfigError(f"expected a mapping, got {described(value)}")
    problems = Problems()
    cleaned: dict[str, T] = {}
    for key, each in value.items():
        name = _placed(_name, key, key_position(value, key), problems)
        made = _placed(clean, each, position(value, (key,)), problems)
        if name is not None and made is not None:
            cleaned[name] = made
    problems.raise_any()
    return cleaned


def _placed(clean: Callable[[Any], T], value: Any, at: str | None, problems: Problems) -> T | None:
    """What clean makes; None, and a problem that says where, if it won't."""
    try:
        return clean(value)
    except ConfigError as error:
        error.at = error.at or at
        problems.add(error)
    return None
