"""Whether a call can be made: do the arguments fit, can they travel."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from pipeline.tasks.registry import Task

__all__ = ["check_call", "check_fit", "unfit"]

#: How deep lists and dicts may be nested; far below what a decoder gives up at.
DEEPEST = 200

_ATOMS = (str, bool, int, type(None))
_MISSING = re.compile(r"missing a required (?:keyword-only )?argument: ('.*')")


def check_call(task: Task[Any, Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    """Check at the sender that a call fits its function and can travel.

    :raise TypeError: it can't; names the argument.
    """
    check_fit(task, args, kwargs)
    for name, value in _named(task, args, kwargs):
        wrong = unfit(value)
        if wrong is not None:
            raise TypeError(f"{task.name}: argument {name!r} can't travel: {wrong}")


def check_fit(task: Task[Any, Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    """Check that arguments fit a task's function.

    :raise TypeError: they don't; names the argument and shows what the function takes.
    """
    try:
        task.signature.bind(*args, **kwargs)
    except TypeError as error:
        takes = f"it takes {task.signature}"
        raise TypeError(f"{task.name}: {_in_words(str(error))}; {takes}") from None


def _in_words(bound: str) -> str:
    missing = _MISSING.fullmatch(bound)
    return f"argument {missing[1]} is missing" if missing else bound


def _named(
    task: Task[Any, Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> list[tuple[str, Any]]:
    arguments = task.signature.bind(*args, **kwargs).arguments
    named: list[tuple[str, Any]] = []
    for name, value in arguments.items():
        kind = task.signature.parameters[name].kind
        if kind is kind.VAR_POSITIONAL:
            named += [(f"{name}[{index}]", each) for index, each in enumerate(value)]
        elif kind is kind.VAR_KEYWORD:
            named += value.items()
        else:
            named.append((name, value))
    return named


def unfit(value: Any) -> str | None:
    """Say why a value can't travel and arrive as the same; None when it can.

    What JSON can say can: None, bool, int, finite float, text, and lists and dicts with text
    keys of these. Tuples arrive as lists.
    """
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
        return f"a {type(value).__name__} is nothing that JSON can say"
    return _unfit_dict(value, depth)


def _unfit_dict(value: dict[Any, Any], depth: int) -> str | None:
    for key, each in value.items():
        if type(key) is not str:
            return f"the key {key!r} is not text"
        wrong = _unfit(each, depth + 1)
        if wrong is not None:
            return wrong
    return None
