"""Regular expressions as an option, several of them at a time."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from pipeline.config.fields import ConfigField
from pipeline.config.positions import position
from pipeline.config.problems import Problems
from pipeline.config.references import ConfigRegex
from pipeline.errors import ConfigError

__all__ = ["ConfigPatterns", "Patterns"]

_REGEX = ConfigRegex("")


class Patterns:
    """Some regular expressions.

    :param patterns: compiled.
    """

    __slots__ = ("_patterns",)

    def __init__(self, patterns: Iterable[re.Pattern[str]]) -> None:
        self._patterns = tuple(patterns)

    def whole(self, text: str) -> bool:
        """One of them fits a whole text."""
        return any(pattern.fullmatch(text) for pattern in self._patterns)

    def within(self, text: str) -> bool:
        """One of them is found in a text."""
        return any(pattern.search(text) for pattern in self._patterns)


class ConfigPatterns(ConfigField[Patterns]):
    """Regular expressions, as a list; a single text is a list of one."""

    kind = "list of regular expressions"

    def clean(self, value: Any) -> Patterns:
        """:raises ConfigError: one is none; all of them are told."""
        listed = [value] if isinstance(value, str) else value
        if not isinstance(listed, list | tuple):
            raise self._expected("a list of regular expressions", value)
        problems = Problems()
        patterns = []
        for index, each in enumerate(listed):
            with problems.collecting():
                patterns.append(_compiled(each, position(listed, (index,))))
        problems.raise_any()
        return Patterns(patterns)


def _compiled(value: Any, at: str | None) -> re.Pattern[str]:
    try:
        return _REGEX.clean(value)
    except ConfigError as error:
        raise ConfigError(error.what, at=at, hint=error.hint) from None
