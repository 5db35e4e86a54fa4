"""The ways that a dispatcher knows, in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from pipeline.dispatchers.base import APPLICATIONS, TRANSPORTS, Dispatcher
from pipeline.dispatchers.routing_table import RoutingTableDispatcher

__all__ = ["routes_of"]


def routes_of(worker: Any) -> Iterable[str]:
    """A line for each way, and for each option that names a connector."""
    if not isinstance(worker, Dispatcher):
        return
    config = worker.config
    if isinstance(worker, RoutingTableDispatcher):
        yield from _table(config.routing_table)
        return
    sides = (getattr(config, TRANSPORTS), getattr(config, APPLICATIONS))
    yield " <-> ".join(", ".join(side) for side in sides if side)
    yield from _named(config)


def _table(table: Any) -> Iterator[str]:
    for name, ways in table.items():
        for endpoint, (target, there) in ways.items():
            yield f"{name} ({endpoint}) -> {target} ({there})"


def _named(config: Any) -> Iterator[str]:
    """What the options say of connectors, each once."""
    seen = set()
    for mention in config.mentions():
        option = mention.option.split(":")[0]
        if option not in seen:
            seen.add(option)
            yield f"{option}: {_shown(getattr(config, option))}"


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_shown(each)}" for key, each in value.items())
    if isinstance(value, list):
        return ", ".join(map(_shown, value))
    fields = getattr(type(value), "fields", None)
    if fields is not None:  # a rule, itself a Config
        told = ((field.name, getattr(value, field.name)) for field in fields())
        return " ".join(f"{name}={each}" for name, each in told if each is not None)
    return str(getattr(value, "pattern", value))
