"""What every command says in the same way: its errors, and its colours."""

from __future__ import annotations

import os
import sys
from typing import Any, TextIO

from pipeline.errors import ConfigError, PipelineError
from pipeline.terminal import harmless

__all__ = ["Colours", "harmless", "print_error", "single_errors"]

_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


class Colours:
    """Colours text where a terminal shows them, and leaves it alone elsewhere.

    :param stream: where the text will go. ``NO_COLOR`` in the environment turns colours off.
    """

    def __init__(self, stream: TextIO) -> None:
        self.on = (
            stream.isatty()
            and not os.environ.get("NO_COLOR")
            and os.environ.get("TERM", "") != "dumb"
        )

    def __call__(self, text: str, *styles: str) -> str:
        if not (self.on and styles):
            return text
        codes = ";".join(_CODES[style] for style in styles)
        return f"\033[{codes}m{text}\033[0m"


def single_errors(error: BaseException) -> tuple[Any, ...]:
    """The errors that an error is made of: itself, or all that a configuration has."""
    return getattr(error, "errors", (error,)) if isinstance(error, ConfigError) else (error,)


def print_error(error: BaseException) -> None:
    """Say on standard error what went wrong, one line for each thing, with no traceback."""
    colours = Colours(sys.stderr)
    for single in single_errors(error):
        known = isinstance(single, (PipelineError, OSError))
        text = _text(single) if known else f"{type(single).__name__}: {single}"
        print(f"{colours('pipeline:', 'red', 'bold')} {harmless(text)}", file=sys.stderr)
        if not known:
            print("(--debug shows where it happened)", file=sys.stderr)


def _text(error: BaseException) -> str:
    """What went wrong, without the number that the system has for it."""
    if not isinstance(error, OSError) or not error.strerror:
        return str(error)
    return error.strerror if error.filename is None else f"{error.filename}: {error.strerror}"
