"""Makes several transports, each with an address of its own, look like one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pipeline.dispatchers.base import TRANSPORTS, Dispatcher, DispatcherConfig, Target
from pipeline.dispatchers.fields import ConfigRoutes, Mention

__all__ = ["FromAddrMultiplexRouter", "FromAddrMultiplexRouterConfig"]


class FromAddrMultiplexRouterConfig(DispatcherConfig):
    """Options of :class:`FromAddrMultiplexRouter`."""

    fromaddr_mappings = ConfigRoutes(
        "For each `from_addr` of outbound messages, the transport's connector.",
        required=True,
        static=True,
    )

    def mentions(self) -> Iterable[Mention]:
        yield from self.values_of("fromaddr_mappings", TRANSPORTS)

    def post_validate(self) -> None:
        """:raises ConfigError: a route is wrong, or there is not one application's connector."""
        super().post_validate()
        self.check_single()


class FromAddrMultiplexRouter(Dispatcher):
    """Sends what comes from any transport to one connector, and back by ``from_addr``.

    As Vumi's: ``transport_name`` is rewritten in both directions.
    """

    CONFIG_CLASS = FromAddrMultiplexRouterConfig

    renames = True

    def setup_dispatcher(self) -> None:
        """Make the targets."""
        self._inward = [Target(self.config.receive_outbound_connectors[0])]
        self._outward = {
            address: [Target(name)] for address, name in self.config.fromaddr_mappings.items()
        }

    def route_inbound(self, message: Any, connector_name: str) -> list[Target]:
        return self._inward

    def route_outbound(self, message: Any, connector_name: str) -> list[Target]:
        return self._outward.get(message.from_addr or "", [])
