"""Looking through the source of a hook for what it may do; what is found there is a guess.

Followed are the methods of the hook's own object, and the functions of its own module, a few deep.
What a hook does by other ways (a function of another module, an attribute that is an exception) is
not found, so nothing here says that a hook does *not* do something.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from contextlib import suppress
from types import FunctionType
from typing import Any, Final

from pipeline.errors import (
    Drop,
    NotFound,
    PermanentFailure,
    PermissionDenied,
    Respond,
    RetryLater,
    SuspiciousOperation,
)
from pipeline.explain.source import parameters_of, plain, tree_of

__all__ = ["found_in", "may_wait"]

#: How many functions are looked through for one hook, at most.
MOST: Final = 40

_RAISED: Final[tuple[tuple[type[BaseException], str], ...]] = (
    (Drop, "drop"),
    (Respond, "respond"),
    (RetryLater, "retry"),
    (PermanentFailure, "refuse"),
    (PermissionDenied, "respond"),
    (NotFound, "respond"),
    (SuspiciousOperation, "respond"),
)
#: Methods that change what they are called on.
_CHANGING: Final = frozenset(
    {
        *("append", "clear", "extend", "insert", "pop", "popitem", "remove", "setdefault"),
        *("update", "set_routing_endpoint", "delete_cookie", "set_cookie"),
    }
)
_STORING: Final = frozenset(
    {
        *("set", "delete", "incr", "hset", "hdel", "hclear", "hincr", "sadd", "srem"),
        *("zadd", "zrem", "ztrim"),
    }
)
#: Hooks of requests that answer by returning something.
_ANSWERING: Final = frozenset({"process_request", "process_view", "process_exception"})
_PROMISING: Final = ("Deferred", "Awaitable", "Coroutine")


def found_in(hook: Any, owner: Any, name: str = "") -> set[str] | None:
    """What the source of a hook shows that it may do; None if there is no source.

    :param owner: the object, or class, that the hook belongs to.
    :param name: the hook's name, as ``process_request``.
    """
    function = plain(hook)
    if function is None or tree_of(function) is None:
        return None
    found: set[str] = set()
    for each, tree in _reached(function, owner):
        found.update(_Look(each, tree, name if each is function else "").found)
    return found


def may_wait(hook: Any, owner: Any) -> bool:
    """Whether a plain function gives a Deferred or a coroutine, as far as its source shows."""
    function = plain(hook)
    if function is None:
        return False
    for each, _ in _reached(function, owner):
        promised = str(each.__annotations__.get("return", ""))
        if inspect.iscoroutinefunction(each) or any(word in promised for word in _PROMISING):
            return True
    return False


def _reached(
    function: FunctionType, owner: Any
) -> list[tuple[FunctionType, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """A function and those that it calls, each once, with their syntax."""
    waiting, seen = [function], {function}
    reached: list[tuple[FunctionType, ast.FunctionDef | ast.AsyncFunctionDef]] = []
    while waiting and len(reached) < MOST:
        here = waiting.pop(0)
        tree = tree_of(here)
        if tree is None:
            continue
        reached.append((here, tree))
        for called in _called(here, tree, owner):
            if called not in seen:
                seen.add(called)
                waiting.append(called)
    return reached


def _called(function: FunctionType, tree: ast.AST, owner: Any) -> Iterator[FunctionType]:
    cls = owner if isinstance(owner, type) else type(owner)
    for node in ast.walk(tree):
        target: Any = None
        if isinstance(node, ast.Attribute) and _is_name(node.value, "self"):
            target = inspect.getattr_static(cls, node.attr, None)
            target = plain(getattr(target, "__func__", target))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            target = plain(_named(function, node.func.id))
            if target is not None and target.__module__ != function.__module__:
                target = None
        if target is not None:
            yield target


def _named(function: FunctionType, name: str) -> Any:
    """What a name means within a function."""
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=False)
    for free, cell in cells:
        if free == name:
            with suppress(ValueError):  # nothing is in it yet
                return cell.cell_contents
    return function.__globals__.get(name)


def _is_name(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


class _Look:
    """One function looked through."""

    def __init__(
        self, function: FunctionType, tree: ast.FunctionDef | ast.AsyncFunctionDef, hook: str
    ) -> None:
        self.found: set[str] = set()
        self._function = function
        self._hook = hook
        #: The parameters, and what is taken out of them.
        self._given = set(parameters_of(tree)) - {"connector_name"}
        nodes = list(ast.walk(tree))
        for node in nodes:
            self._take(node)
        for node in nodes:
            self._look(node)
        self._look_at_run(tree)

    def _take(self, node: ast.AST) -> None:
        """Remember a name for a part of what is given, or for the response from within."""
        if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
            return
        value = node.value.value if isinstance(node.value, ast.Await) else node.value
        is_response = isinstance(value, ast.Call) and _is_name(value.func, "get_response")
        is_part = isinstance(value, ast.Attribute | ast.Subscript) and self._is_given(value)
        if is_response or is_part:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            self._given.update(each.id for each in targets if isinstance(each, ast.Name))

    def _look(self, node: ast.AST) -> None:
        if isinstance(node, ast.Raise) and not isinstance(node.exc, ast.Call):
            self._verdict(node.exc)
        elif isinstance(node, ast.Call):
            self._verdict(node.func)  # one that is made, is raised somewhere
            self._method(node.func)
        elif isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign | ast.Delete):
            self._assigned(node)
        elif isinstance(node, ast.Return):
            self._returned(node.value)

    def _verdict(self, named: ast.AST | None) -> None:
        cls = _named(self._function, getattr(named, "id", getattr(named, "attr", "")))
        for known, effect in _RAISED:
            if isinstance(cls, type) and issubclass(cls, known):
                self.found.add(effect)

    def _assigned(self, node: ast.Assign | ast.AugAssign | ast.AnnAssign | ast.Delete) -> None:
        targets = node.targets if isinstance(node, ast.Assign | ast.Delete) else [node.target]
        if any(not isinstance(each, ast.Name) and self._is_given(each) for each in targets):
            self.found.add("change")

    def _method(self, called: ast.expr) -> None:
        if not isinstance(called, ast.Attribute):
            return
        on = ast.unparse(called.value).lower()
        if "store" in on.rpartition(".")[2] and called.attr in _STORING:
            self.found.add("store")
        elif called.attr in _CHANGING and self._is_given(called.value):
            self.found.add("change")

    def _returned(self, value: ast.expr | None) -> None:
        if value is None or (isinstance(value, ast.Constant) and value.value is None):
            return
        if self._hook in _ANSWERING:
            self.found.add("respond")
        elif self._hook == "process_outcome":
            self.found.add("change")

    def _look_at_run(self, tree: ast.AST) -> None:
        """What ``run_task`` does with what it is to run."""
        if self._hook != "run_task":
            return
        calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and _is_name(n.func, "run")]
        if not calls:
            self.found.add("drop")
        given = {ast.unparse(call) for call in calls}
        if given - {"run(*args, **kwargs)", "run()"}:
            self.found.add("change")

    def _is_given(self, node: ast.AST) -> bool:
        while isinstance(node, ast.Attribute | ast.Subscript):
            node = node.value
        return isinstance(node, ast.Name) and node.id in self._given
