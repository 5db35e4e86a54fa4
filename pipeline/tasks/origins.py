"""Where a function was written, which tells one from another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["home", "where"]


def home(function: Callable[..., Any]) -> tuple[Any, ...]:
    """What is the same for a function and for what loading its module again makes of it."""
    code = getattr(function, "__code__", None)
    at = (code.co_filename, code.co_firstlineno) if code else id(function)
    return function.__module__, function.__qualname__, at


def where(function: Callable[..., Any]) -> str:
    """Its place, for a person."""
    code = getattr(function, "__code__", None)
    line = f":{code.co_firstlineno}" if code else ""
    return f"{function.__module__}.{function.__qualname__}{line}"
