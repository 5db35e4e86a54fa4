"""Endpoints and connectors that a dispatcher leads nowhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pipeline.applications.base import Application
from pipeline.config.positions import key_position, position
from pipeline.dispatchers.base import APPLICATIONS, Dispatcher
from pipeline.dispatchers.routing_table import RoutingTableDispatcher
from pipeline.explain.lint.rules import Found, Given, Rule
from pipeline.explain.prepared import Prepared
from pipeline.message import UserMessage

__all__ = ["RULES"]

_DEFAULT = UserMessage.DEFAULT_ENDPOINT_NAME


def _tables(given: Given) -> Iterator[Prepared]:
    return (each for each in given.workers if isinstance(each.worker, RoutingTableDispatcher))


def _served(given: Given, connector: str) -> Prepared | None:
    """The application, or transport, at the other side of a dispatcher's connector."""
    ends = (each for each in given.workers if not isinstance(each.worker, Dispatcher))
    named = (e for e in ends if getattr(e.worker.config, "transport_name", None) == connector)
    return next(named, None)


def _unrouted(given: Given) -> Iterator[Found]:
    """Endpoints on which messages come, and for which the table has no way."""
    for switch in _tables(given):
        table = switch.worker.config.routing_table
        for connector, ways in table.items():
            served = _served(given, connector)
            if served is None or not ways:  # {} says that there shall be none
                continue
            for endpoint in sorted(_used(served.worker) - set(ways)):
                yield Found(
                    f"{switch.name!r} has no way for what {served.name!r} sends on the endpoint"
                    f" {endpoint!r} of {connector!r}",
                    f"add {endpoint}: [connector, endpoint] below routing_table.{connector}",
                    key_position(switch.spec.config.get("routing_table"), connector),
                    switch.name,
                )


def _used(worker: Any) -> set[str]:
    """The endpoints on which a worker may send."""
    if not isinstance(worker, Application):
        return {_DEFAULT}
    told = set(worker.config.send_to)
    return told | set(worker.ALLOWED_ENDPOINTS or ())


def _unhandled(given: Given) -> Iterator[Found]:
    """Endpoints to which the table leads, and which the application doesn't have."""
    for switch in _tables(given):
        for connector, ways in switch.worker.config.routing_table.items():
            for endpoint, (target, there) in ways.items():
                served = _served(given, target)
                allowed = getattr(served and served.worker, "ALLOWED_ENDPOINTS", None)
                if served is None or allowed is None or there in allowed:
                    continue
                yield Found(
                    f"{switch.name!r} sends to the endpoint {there!r} of {target!r}, and"
                    f" {served.name!r} has only {', '.join(sorted(allowed))}",
                    f"name one of them, or add it to ALLOWED_ENDPOINTS of {served.spec.class_name}",
                    _place(switch, ("routing_table", connector, endpoint, 1)),
                    switch.name,
                )


def _unmentioned(given: Given) -> Iterator[Found]:
    """Applications that no rule of a router leads to."""
    for switch in given.workers:
        if not isinstance(switch.worker, Dispatcher):
            continue
        config = switch.worker.config
        mentioned = {each.name for each in config.mentions() if each.side == APPLICATIONS}
        listed = getattr(config, APPLICATIONS)
        for index, connector in enumerate(listed if mentioned else ()):
            if connector not in mentioned:
                yield Found(
                    f"no way of {switch.name!r} leads to {connector!r}",
                    f"name it in a rule, or take it out of {APPLICATIONS}",
                    _place(switch, (APPLICATIONS, index)),
                    switch.name,
                )


def _place(switch: Prepared, path: tuple[str | int, ...]) -> str | None:
    return position(switch.spec.config, path)


RULES = (
    Rule(
        "unrouted-endpoint",
        "warning",
        "An endpoint on which a worker sends has no way in the routing table.",
        "what comes on it is dropped, or a dead letter",
        _unrouted,
    ),
    Rule(
        "unhandled-endpoint",
        "warning",
        "The routing table leads to an endpoint that the application doesn't have.",
        "what goes there is logged, and handled by nobody",
        _unhandled,
    ),
    Rule(
        "unrouted-connector",
        "warning",
        "A dispatcher has a connector of an application that none of its rules leads to.",
        "that application gets no message",
        _unmentioned,
    ),
)
