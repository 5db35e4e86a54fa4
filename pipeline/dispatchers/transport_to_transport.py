"""Connects transports to each other."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NoReturn

from pipeline.dispatchers.base import TRANSPORTS, Dispatcher, DispatcherConfig, Target
from pipeline.dispatchers.fields import ConfigRouteLists, Mention
from pipeline.errors import Drop

__all__ = ["TransportToTransportRouter", "TransportToTransportRouterConfig"]


class TransportToTransportRouterConfig(DispatcherConfig):
    """Options of :class:`TransportToTransportRouter`."""

    route_mappings = ConfigRouteLists(
        "For each connector, the connectors that its inbound messages go out on, each a copy:"
        " `{lines: [sms]}`. A connector without ways has `[]`.",
        required=True,
        static=True,
    )

    def mentions(self) -> Iterable[Mention]:
        yield from self.keys_of("route_mappings", TRANSPORTS)
        yield from self.values_of("route_mappings", TRANSPORTS)

    def post_validate(self) -> None:
        """:raises ConfigError: a route is wrong, or missing."""
        super().post_validate()
        if self.receive_outbound_connectors:
            self.raise_config_error(
                "receive_outbound_connectors: between transports there are no applications",
                "receive_outbound_connectors",
            )
        self.check_complete("route_mappings", self.receive_inbound_connectors)


class TransportToTransportRouter(Dispatcher):
    """Sends what comes in through a transport out through others, as it is.

    Events are read and dropped, since a transport takes none; as in Vumi.
    """

    CONFIG_CLASS = TransportToTransportRouterConfig

    INBOUND_BECOMES = "outbound"

    def setup_dispatcher(self) -> None:
        """Make the targets."""
        self._targets = {
            name: [Target(each) for each in names]
            for name, names in self.config.route_mappings.items()
        }

    def route_inbound(self, message: Any, connector_name: str) -> list[Target]:
        return self._targets[connector_name]

    def route_event(self, message: Any, connector_name: str) -> NoReturn:
        """:raises Drop: always."""
        raise Drop("a transport takes no events")
