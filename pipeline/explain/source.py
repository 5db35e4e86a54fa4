"""Where a hook is written, and how it is called, as far as that can be seen without calling it."""

from __future__ import annotations

import ast
import functools
import inspect
import sys
import textwrap
from pathlib import Path
from tokenize import TokenError
from types import CodeType, FunctionType
from typing import Any

__all__ = ["class_of", "parameters_of", "place_in", "place_of", "plain", "tree_of"]


def plain(hook: Any) -> FunctionType | None:
    """The function behind a method, a partial, a decorated one or an object that is called.

    :return: None if there is none that was written in Python.
    """
    for _ in range(20):
        if isinstance(hook, FunctionType):
            wrapped = getattr(hook, "__wrapped__", None)
            # A layer may be marked as wrapping `get_response`, which is no function of its own.
            if not isinstance(wrapped, FunctionType):
                return hook
            hook = wrapped
        elif isinstance(hook, functools.partial):
            hook = hook.func
        elif hasattr(hook, "__func__"):
            hook = hook.__func__
        elif isinstance(getattr(type(hook), "__call__", None), FunctionType):  # noqa: B004 - which one
            hook = type(hook).__call__
        else:
            return None
    return None


def place_of(hook: Any) -> str | None:
    """Where a hook is defined, as ``pipeline/middleware/cache.py:121``.

    The file is relative to the folder that its package is imported from, so it is the same on each
    machine.

    :return: None if it isn't known.
    """
    function = plain(hook)
    if function is None:
        return None
    return place_in(function.__code__, function.__code__.co_firstlineno, function.__module__)


def place_in(code: CodeType, line: int, module: str) -> str:
    """A line of some code of a module, as :func:`place_of` has it."""
    file = Path(code.co_filename)
    root = _root_of(module)
    if root is None or not file.is_relative_to(root):
        return f"{file.name}:{line}"
    return f"{file.relative_to(root).as_posix()}:{line}"


def class_of(hook: Any, owner: Any) -> type | None:
    """The class in whose body a hook of an object is written; None if that isn't to be found."""
    function = plain(hook)
    cls = owner if isinstance(owner, type) else type(owner)
    if function is None:
        return None
    names = function.__qualname__.split(".")
    return next((base for base in cls.__mro__ if _within(function, names, base)), None)


def _within(function: FunctionType, names: list[str], base: type) -> bool:
    own = base.__qualname__.split(".")
    return function.__module__ == base.__module__ and names[: len(own)] == own


def tree_of(function: FunctionType) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    """A function's syntax; None if its source isn't there."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function.__code__)))
    except (OSError, TypeError, SyntaxError, ValueError, IndexError, TokenError):
        return None  # it has none, or not any more what was imported
    first = tree.body[0] if tree.body else None
    return first if isinstance(first, ast.FunctionDef | ast.AsyncFunctionDef) else None


def parameters_of(tree: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    """The names of a function's parameters, without ``self``."""
    args = tree.args
    every = [*args.posonlyargs, *args.args, args.vararg, *args.kwonlyargs, args.kwarg]
    return [each.arg for each in every if each is not None and each.arg not in ("self", "cls")]


def _root_of(module: str) -> Path | None:
    """The folder that a module's topmost package is imported from."""
    top = sys.modules.get(module.split(".")[0])
    file = getattr(top, "__file__", None)
    if top is None or file is None:
        return None
    folder = Path(file).parent
    return folder.parent if hasattr(top, "__path__") else folder
