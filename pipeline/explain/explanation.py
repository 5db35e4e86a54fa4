"""A configuration, explained: what passes what in each of its workers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from pipeline.applications.base import Application
from pipeline.applications.requests import RequestApplication
from pipeline.applications.tasks import TaskApplication
from pipeline.explain import views
from pipeline.explain.hooks import Names, Phases, chain_of, request_phases, task_phases
from pipeline.explain.idle import skipped_in
from pipeline.explain.prepared import Prepared
from pipeline.explain.routes import routes_of
from pipeline.middleware.families import KINDS
from pipeline.middleware.selection import DIRECTIONS
from pipeline.transports.base import Transport

__all__ = ["explained"]


def explained(namespace: str, workers: Sequence[Prepared]) -> views.System:
    """What is to be said of a system.

    :param workers: as :func:`pipeline.explain.prepared.prepared` gives them.
    """
    return views.System(namespace, tuple(map(_worker, workers)), tuple(_queues(workers)))


def _worker(prepared: Prepared) -> views.Worker:
    names = Names(prepared.loaded.entries)
    chains = tuple(_chains(prepared, names))
    phases, unused = _phases(prepared, names)
    return views.Worker(
        name=prepared.name,
        class_name=prepared.spec.class_name,
        sort=prepared.sort,
        reads=_flat(prepared.queues("consume")),
        writes=_flat(prepared.queues("publish")),
        chains=chains,
        phases=phases,
        skipped=skipped_in(prepared, chains, unused),
        routes=tuple(routes_of(prepared.worker)),
        takes_calls=isinstance(prepared.worker, TaskApplication),
        unready=tuple(prepared.unready),
    )


def _chains(prepared: Prepared, names: Names) -> Iterable[views.Chain]:
    besides = _besides(prepared.worker)
    for direction in DIRECTIONS:
        queues = prepared.queues(direction)
        for kind in KINDS:
            yield views.Chain(
                direction,
                kind,
                tuple(queues.get(kind, ())),
                "" if kind in queues else besides.get((direction, kind), ""),
                chain_of(prepared.worker.stack, direction, kind, names),
            )


def _besides(worker: Any) -> dict[tuple[str, str], str]:
    """What else passes the stack of a worker than what its connectors read and publish."""
    if isinstance(worker, Application):
        return {
            ("publish", "inbound"): "calls of tasks that it sends",
            ("consume", "outbound"): "results of tasks that it has called",
            ("publish", "event"): "nacks of what is dropped on its way out",
        }
    if isinstance(worker, Transport):
        return {("publish", "failure"): "failures; they are not put on a queue"}
    return {}


def _phases(prepared: Prepared, names: Names) -> tuple[Phases, list[tuple[Any, str]]]:
    worker = prepared.worker
    if isinstance(worker, TaskApplication):
        return task_phases(prepared.loaded.task, names), []
    if isinstance(worker, RequestApplication):
        stack = worker.make_hooks()
        return request_phases(stack, names), stack.unused
    return (), []


def _queues(workers: Sequence[Prepared]) -> Iterable[views.Queue]:
    sides = {
        direction: [(each.name, each.queues(direction)) for each in workers]
        for direction in DIRECTIONS
    }
    kinds: dict[str, str] = {}
    for found in sides.values():
        for _, by_kind in found:
            kinds.update((queue, kind) for kind, queues in by_kind.items() for queue in queues)
    for queue, kind in kinds.items():
        writers, readers = (
            tuple(name for name, by_kind in sides[side] if queue in by_kind.get(kind, ()))
            for side in ("publish", "consume")
        )
        yield views.Queue(queue, kind, writers, readers)


def _flat(by_kind: dict[str, list[str]]) -> tuple[str, ...]:
    return tuple(queue for queues in by_kind.values() for queue in queues)
