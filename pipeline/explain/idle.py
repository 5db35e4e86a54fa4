"""The entries of a ``middleware:`` list that do nothing in a worker, and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from pipeline.applications.requests import RequestApplication
from pipeline.applications.tasks import TaskApplication
from pipeline.explain import views
from pipeline.explain.prepared import Prepared
from pipeline.middleware.base import BaseMiddleware
from pipeline.middleware.entries import Entry
from pipeline.middleware.families import HOOKS, KINDS, Family
from pipeline.middleware.stack import MiddlewareStack

__all__ = ["skipped_in"]


def skipped_in(
    prepared: Prepared, chains: Iterable[views.Chain], unused: Iterable[tuple[Any, str]] = ()
) -> tuple[views.Skipped, ...]:
    """What a worker has no use for.

    :param chains: all of its chains.
    :param unused: request middleware that wanted to be left out, each with its reason.
    """
    used = {(chain.direction, chain.kind) for chain in chains if chain.is_used}
    said = {id(entry.middleware): reason for entry, reason in prepared.loaded.skipped}
    said.update((id(middleware), reason) for middleware, reason in unused)
    unready = {name for name, _ in prepared.unready}
    found = []
    for entry in prepared.loaded.entries:
        why, sort = _why(entry, prepared, used), "idle"
        if id(entry.middleware) in said:
            why = f"it is not used: {said[id(entry.middleware)] or 'it gives no reason'}"
            sort = "unwanted"
        elif entry.name in unready and not _has_handlers(entry, prepared):
            why = "it could not be set up here, which may give it its handlers"
            sort = "unready"
        if why:
            found.append(views.Skipped(entry.name, entry.dotted, why, entry.at, sort))
    return tuple(found)


def _why(entry: Entry, prepared: Prepared, used: set[tuple[str, str]]) -> str:
    """Why an entry does nothing here; "": it does."""
    if entry.family is Family.TASK:
        runs = isinstance(prepared.worker, TaskApplication)
        return "" if runs else "it is for tasks, and this worker runs none"
    if entry.family is Family.REQUEST:
        answers = isinstance(prepared.worker, RequestApplication)
        return "" if answers else "it is for requests, and this worker has no views"
    middleware = _made(entry, prepared)
    if middleware is None:
        return ""
    has = list(_handled(middleware))
    if any(way in used for way in has):
        return ""
    if has:
        ways = ", ".join(f"{direction} {kind}" for direction, kind in has)
        return f"it handles {ways}, which no message is here"
    if not _has_by_class(middleware):
        return ""  # it does its work elsewhere, as by listening to signals
    return "its options leave it nothing to do"


def _made(entry: Entry, prepared: Prepared) -> Any:
    """The message middleware that was made of an entry, or None."""
    made = (each for each in prepared.loaded if _name(each) == entry.name)
    return next((each for each in made if type(each) is entry.middleware), None)


def _has_handlers(entry: Entry, prepared: Prepared) -> bool:
    made = _made(entry, prepared)
    return made is not None and any(_handled(made))


def _handled(middleware: Any) -> Iterator[tuple[str, str]]:
    """What a middleware has handlers for, as a stack of it alone finds."""
    stack = MiddlewareStack([middleware])
    for direction, chain_of in (("consume", stack.consume), ("publish", stack.publish)):
        for kind in KINDS:
            if chain_of(kind).steps:
                yield direction, kind


def _has_by_class(middleware: Any) -> bool:
    """Whether its class has handlers, whatever its options have made of them."""
    return any(
        getattr(type(middleware), name, None) is not getattr(BaseMiddleware, name)
        for name in HOOKS[Family.MESSAGE]
        if hasattr(type(middleware), name)
    )


def _name(middleware: Any) -> str:
    return getattr(middleware, "name", None) or type(middleware).__name__
