"""Routes by the transport that a message came through."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pipeline.dispatchers.base import APPLICATIONS, TRANSPORTS, Target
from pipeline.dispatchers.fields import ConfigRouteLists, Mention
from pipeline.dispatchers.named_transport import NamedTransportConfig, NamedTransportRouter

__all__ = ["SimpleDispatchRouter", "SimpleDispatchRouterConfig"]


class SimpleDispatchRouterConfig(NamedTransportConfig):
    """Options of :class:`SimpleDispatchRouter`."""

    route_mappings = ConfigRouteLists(
        "For each transport's connector, the connectors that its messages go to, each a copy:"
        " `{web: [menu, log]}`. A connector without ways has `[]`.",
        required=True,
        static=True,
    )

    def mentions(self) -> Iterable[Mention]:
        yield from super().mentions()
        yield from self.keys_of("route_mappings", TRANSPORTS)
        yield from self.values_of("route_mappings", APPLICATIONS)

    def post_validate(self) -> None:
        """:raises ConfigError: a route is wrong, or missing."""
        super().post_validate()
        self.check_complete("route_mappings", self.receive_inbound_connectors)


class SimpleDispatchRouter(NamedTransportRouter):
    """Sends the messages of a transport to one or several applications.

    As Vumi's; but the keys of ``route_mappings`` are connectors, which for what comes straight from
    a transport is the same as its name; and an event goes to the application that it concerns. Only
    one that isn't remembered goes to all.
    """

    CONFIG_CLASS = SimpleDispatchRouterConfig

    def setup_dispatcher(self) -> None:
        """Make the targets."""
        self._targets = {
            name: [Target(each) for each in names]
            for name, names in self.config.route_mappings.items()
        }

    def route_inbound(self, message: Any, connector_name: str) -> list[Target]:
        return self._targets[connector_name]

    route_event = route_inbound
