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
    chains = tuple(chains)
    given = dict(prepared.loaded.skipped)
    reasons = {id(middleware): reason for middleware, reason in unused}
    found = []
    for entry in prepared.loaded.entries:
        why, rests = _why(entry, prepared, chains)
        if entry in given:
            why, rests = f"it is not used: {given[entry] or 'it gives no reason'}", True
        elif id(entry.middleware) in reasons:
            why, rests = f"it is not used: {reasons[id(entry.middleware)]}", True
        if why:
            own = not prepared.shares
            found.append(views.Skipped(entry.name, entry.dotted, why, entry.at, own, rests))
    return tuple(found)


def _why(entry: Entry, prepared: Prepared, chains: tuple[views.Chain, ...]) -> tuple[str, bool]:
    """Why an entry does nothing here ("": it does), and whether it may elsewhere."""
    worker = prepared.worker
    if entry.family is Family.TASK:
        runs = isinstance(worker, TaskApplication)
        return ("" if runs else "it is for tasks, and this worker runs none"), True
    if entry.family is Family.REQUEST:
        answers = isinstance(worker, RequestApplication)
        return ("" if answers else "it is for requests, and this worker has no views"), True
    return _why_no_message(entry, prepared, chains)


def _why_no_message(
    entry: Entry, prepared: Prepared, chains: tuple[views.Chain, ...]
) -> tuple[str, bool]:
    made = [m for m in prepared.loaded if type(m) is entry.middleware and _name(m) == entry.name]
    if not made:
        return "", True
    has = list(_handled(made[0]))
    used = {(chain.direction, chain.kind) for chain in chains if chain.is_used}
    if any(each in used for each in has):
        return "", True
    if has:
        what = ", ".join(f"{direction} {kind}" for direction, kind in has)
        return f"it handles {what}, which no message is here", True
    if any(name == entry.name for name, _ in prepared.unready):
        return "it could not be set up here, which may give it its handlers", True
    if not _has_by_class(made[0]):
        return "", True  # it does its work elsewhere, as by listening to signals
    return "its options leave it nothing to do", False


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
