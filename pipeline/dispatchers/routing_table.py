"""Routes by a table of connectors and endpoints."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pipeline.config.positions import key_position
from pipeline.config.problems import Problems
from pipeline.dispatchers.base import (
    APPLICATIONS,
    TRANSPORTS,
    Dispatcher,
    DispatcherConfig,
    Target,
)
from pipeline.dispatchers.fields import ConfigTable, Mention
from pipeline.errors import ConfigError

__all__ = ["RoutingTableDispatcher", "RoutingTableDispatcherConfig"]


class RoutingTableDispatcherConfig(DispatcherConfig):
    """Options of :class:`RoutingTableDispatcher`."""

    routing_table = ConfigTable(
        "For each connector, for each endpoint there, where messages go on to:"
        " `{web: {default: [menu, default]}}`. A connector without ways has `{}`.",
        required=True,
        static=True,
    )

    def mentions(self) -> Iterable[Mention]:
        for name, ways in self.routing_table.items():
            side = APPLICATIONS if name in self.receive_inbound_connectors else TRANSPORTS
            for endpoint, (target, _) in ways.items():
                path = ("routing_table", name, endpoint)
                yield Mention(target, side, ".".join(path), self.at(*path, 0))

    def post_validate(self) -> None:
        """:raises ConfigError: the table names a connector that isn't there, or lacks one."""
        super().post_validate()
        read = [*self.receive_inbound_connectors, *self.receive_outbound_connectors]
        problems = Problems()
        for name in self.routing_table:
            if name not in read:
                what = f"routing_table: there is no connector {name!r}"
                at = key_position(self._data.get("routing_table"), name)
                problems.add(ConfigError(what, at=at))
        problems.raise_any()
        self.check_complete("routing_table", read)


class RoutingTableDispatcher(Dispatcher):
    """Sends what comes on an endpoint of a connector to an endpoint of another.

    As Vumi's (``vumi.dispatchers.endpoint_dispatchers``), but events go back to the connector and
    the endpoint that their message came from; only what isn't remembered goes by the table.
    """

    CONFIG_CLASS = RoutingTableDispatcherConfig

    @property
    def remembers(self) -> bool:
        """Whether an event could go back to more than one endpoint of one connector."""
        table = self.config.routing_table
        return sum(len(table[name]) for name in self.config.receive_outbound_connectors) > 1

    def setup_dispatcher(self) -> None:
        """Make the targets."""
        self._targets = {
            (name, endpoint): [Target(*target)]
            for name, ways in self.config.routing_table.items()
            for endpoint, target in ways.items()
        }

    def route_inbound(self, message: Any, connector_name: str) -> list[Target]:
        return self._targets.get((connector_name, message.get_routing_endpoint()), [])

    route_outbound = route_event = route_inbound
