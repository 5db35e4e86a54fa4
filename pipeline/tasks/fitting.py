"""Whether a value can travel as it is."""

from __future__ import annotations

import math
from typing import Any

import msgspec

__all__ = ["DEEPEST", "unfit"]

#: How deep lists and dicts may be nested; far below what a decoder gives up at.
DEEPEST = 200

_ATOMS = (str, bool, int, type(None))
_NEVER_UNFIT = frozenset({bool, int, type(None)})


def unfit(value: Any) -> str | None:
    """Say why a value can't travel and arrive as the same; None when it can.

    What JSON can say can: None, bool, int, finite float, text, and lists and dicts with text
    keys of these. Tuples arrive as lists.
    """
    kind = type(value)
    if kind in _NEVER_UNFIT or (kind is str and value.isascii()):
        return None
    if kind is float and math.isfinite(value):
        return None
    wrong = _unfit(value, 0)
    if wrong is not None:
        return wrong
    try:
        msgspec.json.encode(value)
    except UnicodeEncodeError:
        return "its text has a lone surrogate, which is no character"
    return None


def _unfit(value: Any, depth: int) -> str | None:
    if type(value) in _ATOMS:
        return None
    if depth > DEEPEST:
        return f"it is nested deeper than {DEEPEST} levels"
    if isinstance(value, float):
        return None if math.isfinite(value) else f"{value!r} is no number in JSON"
    if isinstance(value, (list, tuple)):
        return next((wrong for each in value if (wrong := _unfit(each, depth + 1))), None)
    if not isinstance(value, dict):
        return f"a {type(value).__name__} is nothing that JSON can say, and no type hint tells how"
    return _unfit_dict(value, depth)


def _unfit_dict(value: dict[Any, Any], depth: int) -> str | None:
    for key, each in value.items():
        if type(key) is not str:
            return f"the key {key!r} is not text"
        wrong = _unfit(each, depth + 1)
        if wrong is not None:
            return wrong
    return None
