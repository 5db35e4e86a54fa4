"""Options that are numbers."""

from __future__ import annotations

import math
from typing import Any, TypeVar

from pipeline.config.fields import ConfigField
from pipeline.errors import ConfigError

__all__ = ["ConfigFloat", "ConfigInt"]

T = TypeVar("T", int, float)


class _ConfigNumber(ConfigField[T]):
    """A number, perhaps within limits.

    :param minimum: the least that is allowed; None for no limit.
    :param maximum: the most that is allowed; None for no limit.
    """

    def __init__(
        self,
        doc: str,
        required: bool = False,
        default: Any = None,
        static: bool = False,
        *,
        minimum: float | None = None,
        maximum: float | None = None,
    ) -> None:
        super().__init__(doc, required, default, static)
        self.minimum = minimum
        self.maximum = maximum

    def _limited(self, number: Any) -> Any:
        low = self.minimum is not None and number < self.minimum
        high = self.maximum is not None and number > self.maximum
        if not low and not high:
            return number
        if self.maximum is None:
            raise ConfigError(f"must be at least {self.minimum}, got {number}")
        if self.minimum is None:
            raise ConfigError(f"must be at most {self.maximum}, got {number}")
        raise ConfigError(f"must be {self.minimum}-{self.maximum}, got {number}")


class ConfigInt(_ConfigNumber[int]):
    """A whole number, also as text (``"3"``); 1.5 and true are refused."""

    kind = "whole number"

    def clean(self, value: Any) -> int:
        """:raises ConfigError: not a whole number, or outside the limits."""
        if isinstance(value, bool) or not isinstance(value, (int, str)):
            raise self._expected("a whole number", value)
        try:
            number = int(value)
        except ValueError:
            raise self._expected("a whole number", value) from None
        return self._limited(number)  # type: ignore[no-any-return]  # what it was given


class ConfigFloat(_ConfigNumber[float]):
    """A number, also as text; infinity and not-a-number are refused."""

    kind = "number"

    def clean(self, value: Any) -> float:
        """:raises ConfigError: not a finite number, or outside the limits."""
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            raise self._expected("a number", value)
        try:
            number = float(value)
        except (ValueError, OverflowError):
            raise self._expected("a number", value) from None
        if not math.isfinite(number):
            raise self._expected("a finite number", value)
        return self._limited(number)  # type: ignore[no-any-return]  # what it was given
