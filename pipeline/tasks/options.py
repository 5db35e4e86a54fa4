"""How one call is sent otherwise than its task says."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Any

import msgspec

__all__ = ["OVERRIDES", "Overrides", "SendOptions", "known_overrides", "overrides_of"]

#: Where a call's own options travel, in its ``helper_metadata``.
OVERRIDES = "task_options"

#: The longest delay: ten years. What is later is a slip in a unit.
LONGEST = 10 * 366 * 24 * 3600.0


class Overrides(msgspec.Struct, frozen=True, omit_defaults=True):
    """Options of the task that are other for one call; None: as the task says."""

    retries: int | None = None
    timeout: float | None = None
    keep_result: float | None = None


NONE = Overrides()


def overrides_of(message: Any) -> Overrides:
    """A call's own options.

    :raise ValueError: they are none.
    """
    given = message.helper_metadata.get(OVERRIDES)
    return NONE if given is None else msgspec.convert(given, Overrides)


def known_overrides(message: Any) -> Overrides:
    """As :func:`overrides_of`; of a call whose options are wrong, none."""
    if OVERRIDES not in message.helper_metadata:
        return NONE
    try:
        return overrides_of(message)
    except ValueError:
        return NONE


class SendOptions:
    """How a call is sent.

    :param delay: seconds, or a timedelta, before it may run.
    :param at: an aware datetime before which it won't run; in the past: at once.
    :param key: calls with the same key are kept in one partition, and are run one after another
        where the worker says ``ordering: process`` or ``strict``.
    :param overrides: options of the task that are other for this call.
    :raise TypeError: something is of a wrong type.
    :raise ValueError: a number makes no sense, or both ``delay`` and ``at`` are given.
    """

    __slots__ = ("_at", "_delay", "key", "overrides")

    def __init__(
        self,
        delay: float | timedelta | None = None,
        at: datetime | None = None,
        key: str | None = None,
        **overrides: Any,
    ) -> None:
        if delay is not None and at is not None:
            raise ValueError("a call has a delay or a time (at), not both")
        self._delay = 0.0 if delay is None else _seconds("delay", delay)
        self._at = None if at is None else _timestamp(at)
        if key is not None and (not isinstance(key, str) or not key):
            raise TypeError(f"key must be text, got {key!r}")
        self.key = key
        self.overrides = _checked(overrides)

    def said(self) -> dict[str, Any]:
        """The same as keyword arguments of this class, which JSON can say: at a timestamp."""
        said = {"delay": self._delay or None, "at": self._at, "key": self.key, **self.overrides}
        return {name: value for name, value in said.items() if value is not None}

    def delay_from(self, now: float) -> float:
        """Seconds until the call may run.

        :raise ValueError: more than ten years.
        """
        wait = self._delay if self._at is None else max(0.0, self._at - now)
        if wait > LONGEST:
            raise ValueError(
                f"a call can't wait for {wait / 86400:.0f} days: ten years at the most"
            )
        return wait


def _checked(given: dict[str, Any]) -> dict[str, Any]:
    given = {name: value for name, value in given.items() if value is not None}
    for name, value in given.items():
        if name == "retries" and (type(value) is not int or value < 0):
            raise TypeError(f"retries must be a whole number, 0 or more, got {value!r}")
        given[name] = value if name == "retries" else _seconds(name, value)
    return given


def _seconds(name: str, value: Any) -> float:
    if isinstance(value, timedelta):
        value = value.total_seconds()
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name} must be seconds or a timedelta, got {value!r}")
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(f"{name} must be 0 or more, got {value!r}")
    return float(value)


def _timestamp(at: Any) -> float:
    if type(at) is float:
        return at  # as said() says it
    if not isinstance(at, datetime):
        raise TypeError(f"at must be a datetime, got {at!r}")
    if at.utcoffset() is None:
        raise ValueError(f"at must be an aware datetime, as datetime.now(UTC), got {at!r}")
    return at.timestamp()
