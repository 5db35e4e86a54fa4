"""Where a message enters a system that it is tried out in."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from pipeline.applications.base import Application
from pipeline.applications.tasks import TaskApplication
from pipeline.config.problems import suggestion
from pipeline.dispatchers.base import Dispatcher
from pipeline.errors import ConfigError
from pipeline.explain.trace.given import Given
from pipeline.transports.base import Transport

__all__ = ["Entrance", "entrance"]


class Entrance(NamedTuple):
    """A way into a system.

    :param worker: whose.
    :param connector: its connector.
    :param direction: ``publish``: as if the worker published it; ``consume``: as if it had read it.
    :param kind: of its queue.
    """

    worker: Any
    connector: Any
    direction: str
    kind: str


def entrance(
    workers: Iterable[Any], given: Given, direction: str | None = None, connector: str | None = None
) -> Entrance:
    """Where a message begins its way: with who publishes such, else with who reads them.

    :param workers: with connectors.
    :param direction: ``consume`` or ``publish``; None: whatever comes first.
    :param connector: the name of one; None: the message's ``transport_name``, else the first.
    :raise ConfigError: there is no such entrance.
    """
    listed = list(workers)
    ways = [way for way in _ways(listed, given) if direction in (None, way.direction)]
    if connector is not None:
        return _named(ways, given, connector)
    asked = given.fields.get("transport_name")
    own = [way for way in ways if way.connector.name == asked]
    if not ways:
        raise _nowhere(listed, given, direction)
    return (own or ways)[0]


def _named(ways: list[Entrance], given: Given, name: str) -> Entrance:
    for way in ways:
        if way.connector.name == name:
            return way
    names = [way.connector.name for way in ways]
    what = f"no connector {name!r} carries {given.kind} messages"
    known = f"there is {', '.join(dict.fromkeys(names))}" if names else None
    raise ConfigError(what, at="--connector", hint=suggestion(name, names) or known)


def _nowhere(workers: list[Any], given: Given, direction: str | None) -> ConfigError:
    verb = {"consume": "reads", "publish": "publishes"}.get(direction or "", "carries")
    who = "no worker here"
    if len(workers) == 1:
        who = f"worker {workers[0].name!r} has no connector that"
    what = f"{who} {verb} {given.kind} messages"
    return ConfigError(what, at="--kind", hint="name another --kind, --worker or --direction")


def _ways(workers: list[Any], given: Given) -> list[Entrance]:
    """All ways in, the likeliest first."""
    kind = given.queue_kind
    found = [
        Entrance(worker, connector, direction, kind)
        for worker in workers
        for connector in worker.connectors.values()
        for direction, kinds in (
            ("publish", connector.publishes),
            ("consume", connector.consumes),
        )
        if kind in kinds
    ]
    return sorted(found, key=_rank(given))


def _rank(given: Given) -> Callable[[Entrance], int]:
    """How unlikely a way in is: who faces the world, or begins a conversation, comes first."""
    first: Any = Application if given.kind == "outbound" else Transport

    def rank_of_call(way: Entrance) -> int:
        worker = way.worker
        if not isinstance(worker, TaskApplication) or way.direction == "publish":
            return 2
        return 0 if given.fields.get("task") in worker.tasks else 1

    def rank(way: Entrance) -> int:
        worker = way.worker
        if isinstance(worker, Dispatcher):
            return 3 if way.direction == "consume" else 4
        if way.direction == "publish":
            return 0 if isinstance(worker, first) else 1
        return 2

    return rank_of_call if given.kind == "task" else rank
