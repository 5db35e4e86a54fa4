"""Options that are amounts with a unit: spans of time and sizes."""

from __future__ import annotations

import math
import re
from typing import Any

from pipeline.config.fields import ConfigField
from pipeline.config.problems import described
from pipeline.errors import ConfigError

__all__ = ["ConfigDuration", "ConfigSize", "parse_duration", "parse_size"]

#: Digits of a number before its point: a float holds it, in every unit.
_MOST_DIGITS = 300

_AMOUNT = re.compile(rf"\s*([0-9]{{1,{_MOST_DIGITS}}}(?:\.[0-9]+)?)\s*([a-zA-Z]*)\s*")
_SECONDS = {"": 1, "ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
_BYTES = {"": 1, "b": 1} | {
    unit: 1024**power
    for power, letter in enumerate("kmgt", start=1)
    for unit in (letter, f"{letter}b", f"{letter}ib")
}


def parse_duration(value: float | str) -> float:
    """Read a span of time.

    :param value: seconds, or text as ``250ms``, ``5s``, ``2m``, ``1h``, ``7d``.
    :return: seconds.
    :raises ConfigError: no such span, or a negative one.
    """
    what = "a span of time, as 250ms, 5s, 2m, 1h or 7d (or a number of seconds)"
    number, unit = _amount(value, what)
    if unit not in _SECONDS:
        raise _refused(value, what)
    return number * _SECONDS[unit]


def parse_size(value: float | str) -> int:
    """Read a size.

    :param value: bytes, or text as ``512``, ``64kB``, ``1MB``, ``2GB``; the units are powers of
        1024, as in redis.conf, and their case doesn't matter.
    :return: bytes.
    :raises ConfigError: no such size, a negative one, or a fraction of a byte.
    """
    what = "a size, as 512, 64kB, 1MB or 2GB"
    number, unit = _amount(value, what)
    size = number * _BYTES.get(unit.lower(), math.nan)
    if size != size or size % 1:
        raise _refused(value, what)
    return int(size)


def _amount(value: object, what: str) -> tuple[float, str]:
    if isinstance(value, bool):
        raise _refused(value, what)
    if isinstance(value, (int, float)) and 0 <= value < 10**_MOST_DIGITS:
        return value, ""
    found = _AMOUNT.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise _refused(value, what)
    digits, unit = found.groups()
    return (float(digits) if "." in digits else int(digits)), unit


def _refused(value: object, what: str) -> ConfigError:
    return ConfigError(f"expected {what}, got {described(value)}")


class ConfigDuration(ConfigField[float]):
    """A span of time, in seconds; :func:`parse_duration` says how it may be written."""

    kind = "duration"

    def clean(self, value: Any) -> float:
        """:raises ConfigError: not a span of time."""
        return parse_duration(value)


class ConfigSize(ConfigField[int]):
    """A size, in bytes; :func:`parse_size` says how it may be written."""

    kind = "size"

    def clean(self, value: Any) -> int:
        """:raises ConfigError: not a size."""
        return parse_size(value)
