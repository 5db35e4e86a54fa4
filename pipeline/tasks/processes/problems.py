"""Errors on their way from one process to another, without pickle.

What arrives is an error of the same class, with the same ``args`` and attributes, if JSON can say
those, if the receiver has loaded that class, and if the error then says the same. Neither is a
module imported nor a constructor called for it, but those of Python's own exceptions. Else it is a
:class:`~pipeline.errors.RemoteError`, or what its class derives from in :mod:`pipeline.errors`, so
that it still means the same to who decides on a retry.
"""

from __future__ import annotations

import sys
import traceback
from typing import Any

import msgspec

from pipeline.errors import PermanentFailure, PipelineError, RemoteError
from pipeline.tasks.fitting import unfit
from pipeline.tasks.processes.wire import Problem

__all__ = ["problem_of", "rebuilt"]

#: The longest text and traceback that travel, in characters; the traceback's end is kept.
LONGEST, LONGEST_TRACEBACK = 10_000, 16_000
#: The longest args and attributes that travel, in bytes.
LONGEST_STATE = 64 * 1024

_MEANINGS = f"{PipelineError.__module__}:"


def problem_of(error: BaseException, what: str = "") -> Problem:
    """Tell an error to another process.

    :param what: what has raised it. An error that would end the process, as SystemExit, becomes a
        PermanentFailure that says so.
    """
    if not isinstance(error, Exception):
        ended = PermanentFailure(f"{what} raised {error!r}")
        ended.__cause__, ended.__traceback__ = error, error.__traceback__
        error = ended
    return Problem(
        names=[_named(each) for each in type(error).__mro__ if issubclass(each, Exception)],
        args=_said(_args(error)),
        state=_said({k: v for k, v in error.__dict__.items() if unfit(v) is None}),
        text=_plain(_text(error))[:LONGEST],
        traceback=_plain("".join(traceback.format_exception(error)))[-LONGEST_TRACEBACK:],
    )


def rebuilt(problem: Problem) -> Exception:
    """The error that another process has told of; ``remote_traceback`` says where it was."""
    error = _same(problem) or _alike(problem)
    error.__dict__["remote_traceback"] = problem.traceback
    return error


def _same(problem: Problem) -> Exception | None:
    kind = _class(problem.names[0]) if problem.names else None
    if kind is None or not problem.args:
        return None
    error = _made(kind, msgspec.json.decode(problem.args), problem)
    is_same = error is not None and _plain(_text(error))[:LONGEST] == problem.text
    return error if is_same else None


def _alike(problem: Problem) -> Exception:
    first = problem.names[0].replace(":", ".") if problem.names else "an error"
    text = f"{first}: {problem.text}"
    for name in problem.names:
        kind = _class(name) if name.startswith(_MEANINGS) else None
        error = None if kind in (None, PipelineError) else _made(kind, [text], problem)
        if error is not None:
            return error
    return RemoteError(text)


def _made(kind: type[Exception], args: list[Any], problem: Problem) -> Exception | None:
    try:
        # The args of an error are often not what its constructor takes, which is foreign code.
        made = kind(*args) if kind.__module__ == "builtins" else kind.__new__(kind, *args)
        made.__dict__.update(msgspec.json.decode(problem.state or b"{}"))
        str(made)
    except Exception:  # noqa: BLE001  # whatever it is, there is another way
        return None
    return made


def _class(name: str) -> type[Exception] | None:
    module, _, path = name.partition(":")
    found: Any = sys.modules.get(module)
    for part in path.split("."):
        found = getattr(found, part, None)
    is_error = isinstance(found, type) and issubclass(found, Exception)
    return found if is_error and _named(found) == name else None


def _named(kind: type) -> str:
    return f"{kind.__module__}:{kind.__qualname__}"


def _args(error: Exception) -> list[Any]:
    """What an error is made from."""
    if isinstance(error, OSError) and error.filename is not None:
        return [*error.args, error.filename]  # its args leave that out
    return list(error.args)


def _said(value: Any) -> bytes:
    if unfit(value) is not None:
        return b""
    said = msgspec.json.encode(value)
    return said if len(said) <= LONGEST_STATE else b""


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as broken:  # noqa: BLE001  # an error that can't be told is still an error
        return f"(its text raised {type(broken).__name__})"


def _plain(text: str) -> str:
    """Without what is no character, which no wire takes."""
    return text.encode("utf-8", "backslashreplace").decode()
