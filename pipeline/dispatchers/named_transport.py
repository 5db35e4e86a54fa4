"""What routers have in common that send outbound messages to the transport that they name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pipeline.dispatchers.base import TRANSPORTS, Dispatcher, DispatcherConfig, Target
from pipeline.dispatchers.fields import ConfigRoutes, Mention

__all__ = ["NamedTransportConfig", "NamedTransportRouter"]


class NamedTransportConfig(DispatcherConfig):
    """Options of such routers."""

    transport_mappings = ConfigRoutes(
        "The connectors of outbound messages whose `transport_name` is not a connector's:"
        " `{sms: sms_out}`. It goes before the connector of that name.",
        default={},
        static=True,
    )

    def mentions(self) -> Iterable[Mention]:
        yield from self.values_of("transport_mappings", TRANSPORTS)


class NamedTransportRouter(Dispatcher):
    """Sends outbound messages to the connector of their ``transport_name``, which replies keep."""

    CONFIG_CLASS = NamedTransportConfig

    def route_outbound(self, message: Any, connector_name: str) -> list[Target]:
        name = message.transport_name
        name = self.config.transport_mappings.get(name, name)
        return [Target(name)] if name in self.config.receive_inbound_connectors else []
