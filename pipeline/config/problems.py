"""Gathering what is wrong with a configuration, so that all of it is shown at once."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pipeline.errors import ConfigError

__all__ = ["ConfigErrors", "Problems", "described", "flattened", "suggestion"]

_LONGEST_SHOWN = 60
_MOST_LISTED = 10


class ConfigErrors(ConfigError):
    """Several things are wrong with the configuration, one to a line.

    :param errors: what is wrong; one that is itself a :class:`ConfigErrors` is taken apart.
    :ivar errors: all of them, each a plain :class:`~pipeline.errors.ConfigError`.
    """

    def __init__(self, errors: Iterable[ConfigError]) -> None:
        self.errors = tuple(plain for error in errors for plain in flattened(error))
        super().__init__("\n".join(map(str, self.errors)))


def flattened(error: ConfigError) -> tuple[ConfigError, ...]:
    """Give the single errors that an error is made of."""
    return error.errors if isinstance(error, ConfigErrors) else (error,)


class Problems:
    """The errors met so far, in the order they were met."""

    def __init__(self) -> None:
        self.errors: list[ConfigError] = []

    def add(self, *errors: ConfigError) -> None:
        """Remember errors; a :class:`ConfigErrors` counts as its parts."""
        for error in errors:
            self.errors.extend(flattened(error))

    @contextmanager
    def collecting(self) -> Iterator[None]:
        """Remember a ConfigError that ends the block, and go on after it."""
        try:
            yield
        except ConfigError as error:
            self.add(error)

    def raise_any(self) -> None:
        """Raise what was met: one error as it is, several as :class:`ConfigErrors`."""
        if len(self.errors) == 1:
            raise self.errors[0]
        if self.errors:
            raise ConfigErrors(self.errors)


def suggestion(name: str, known: Iterable[str]) -> str | None:
    """Say which known name was probably meant, or list them when they are few.

    :return: a hint for a ConfigError, as ``did you mean 'listen'?``; None when nothing helps.
    """
    names = sorted(set(known))
    folded = {each.lower(): each for each in names}
    close = difflib.get_close_matches(name.lower(), folded, n=1)
    if close:
        return f"did you mean {folded[close[0]]!r}?"
    if 0 < len(names) <= _MOST_LISTED:
        return f"known: {', '.join(names)}"
    return None


def described(value: Any) -> str:
    """Name a value in an error's text: as YAML would spell it, and never at length."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, (list, tuple)):
        return "a list"
    shown = repr(value)
    return shown if len(shown) <= _LONGEST_SHOWN else f"{shown[: _LONGEST_SHOWN - 3]}..."
