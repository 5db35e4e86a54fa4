"""Whether a call can be made: do the arguments fit, can they travel."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pipeline.tasks.fitting import unfit

if TYPE_CHECKING:
    from pipeline.tasks.registry import Task
    from pipeline.tasks.values import Hint

__all__ = ["check_fit", "packed", "unpacked"]

_MISSING = re.compile(r"missing a required (?:keyword-only )?argument: ('.*')")


def packed(
    task: Task[Any, Any], args: Sequence[Any], kwargs: Mapping[str, Any], behind: int = 0
) -> tuple[list[Any], dict[str, Any]]:
    """The arguments as they travel; checks at the sender that they fit the function and can.

    :param behind: how many arguments, that are not there yet, will stand before them.
    :raise TypeError: they don't; names the argument.
    """
    if not isinstance(args, list | tuple):
        raise TypeError(f"{task.name}: args must be a list or a tuple, got {args!r:.60}")
    if not isinstance(kwargs, Mapping):
        raise TypeError(f"{task.name}: kwargs must be a mapping, got {kwargs!r:.60}")
    check_fit(task, (*[None] * behind, *args) if behind else args, kwargs)
    hints = task.hints
    if not hints.are_plain:
        places = enumerate(args, behind)
        given = [_packed(task, _name(task, n), hints.at(n), each) for n, each in places]
        named = {name: _packed(task, name, hints.of(name), kwargs[name]) for name in kwargs}
        return given, named
    for n, value in enumerate(args, behind):
        wrong = unfit(value)
        if wrong is not None:
            raise _refused(task, _name(task, n), wrong)
    for name, value in kwargs.items():
        wrong = unfit(value)
        if wrong is not None:
            raise _refused(task, name, wrong)
    return list(args), dict(kwargs)


def unpacked(
    task: Task[Any, Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> tuple[list[Any], dict[str, Any]]:
    """The arguments as they were sent; checks at the worker that they fit the function.

    :raise TypeError: they don't.
    """
    check_fit(task, args, kwargs)
    try:
        return task.hints.unpack(args, kwargs)
    except ValueError as error:
        raise TypeError(f"{task.name}: {error}") from None


def check_fit(task: Task[Any, Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    """Check that arguments fit a task's function.

    :raise TypeError: they don't; names the argument and shows what the function takes.
    """
    if not kwargs and task.takes is not None and len(args) in task.takes:
        return
    try:
        task.signature.bind(*args, **kwargs)
    except TypeError as error:
        takes = f"it takes {task.signature}"
        raise TypeError(f"{task.name}: {_in_words(str(error))}; {takes}") from None


def _in_words(bound: str) -> str:
    missing = _MISSING.fullmatch(bound)
    return f"argument {missing[1]} is missing" if missing else bound


def _packed(task: Task[Any, Any], name: str, hint: Hint, value: Any) -> Any:
    try:
        return hint.pack(value)
    except ValueError as error:
        raise _refused(task, name, str(error)) from None


def _refused(task: Task[Any, Any], name: str, wrong: str) -> TypeError:
    return TypeError(f"{task.name}: argument {name!r} can't travel: {wrong}")


def _name(task: Task[Any, Any], place: int) -> str:
    """What a positional argument is called."""
    for n, (name, parameter) in enumerate(task.signature.parameters.items()):
        if parameter.kind is parameter.VAR_POSITIONAL:
            return f"{name}[{place - n}]"
        if n == place:
            return name
    return str(place)
