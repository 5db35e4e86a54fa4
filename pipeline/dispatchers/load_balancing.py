"""Shares outbound messages among transports."""

from __future__ import annotations

from itertools import cycle
from typing import Any

from pipeline.config.fields import ConfigBool
from pipeline.dispatchers.base import Dispatcher, DispatcherConfig, Target

__all__ = ["LoadBalancingRouter", "LoadBalancingRouterConfig"]

#: Where a message carries the transports that it came through, the last one last; as in Vumi.
_METADATA, _NAMES = "load_balancer", "transport_names"


class LoadBalancingRouterConfig(DispatcherConfig):
    """Options of :class:`LoadBalancingRouter`."""

    reply_affinity = ConfigBool(
        "Send replies back through the transport that their message came through.",
        default=True,
        static=True,
    )
    rewrite_transport_names = ConfigBool(
        "Give messages the name of the connector that they go to as `transport_name`.",
        default=True,
        static=True,
    )

    def post_validate(self) -> None:
        """:raises ConfigError: there is not one application's connector, or no transport's."""
        super().post_validate()
        self.check_single()
        if not self.receive_inbound_connectors:
            self.raise_config_error(
                "receive_inbound_connectors: there must be one", "receive_inbound_connectors"
            )


class LoadBalancingRouter(Dispatcher):
    """Sends outbound messages through each transport in turn.

    As Vumi's. Each process takes the transports in turn by itself. The transport that a message
    came through is noted in its ``helper_metadata``, which replies keep, so replies find it
    whichever process reads them.
    """

    CONFIG_CLASS = LoadBalancingRouterConfig

    def setup_dispatcher(self) -> None:
        """Make the targets."""
        self.renames = self.config.rewrite_transport_names
        self._inward = [Target(self.config.receive_outbound_connectors[0])]
        self._outward = {name: [Target(name)] for name in self.config.receive_inbound_connectors}
        self._turns = cycle(self._outward.values())

    def route_inbound(self, message: Any, connector_name: str) -> list[Target]:
        if self.config.reply_affinity:
            noted = message.helper_metadata.setdefault(_METADATA, {})
            noted.setdefault(_NAMES, []).append(connector_name)
        return self._inward

    def route_outbound(self, message: Any, connector_name: str) -> list[Target]:
        if self.config.reply_affinity and message.in_reply_to:
            return self._back(message)
        return next(self._turns)

    def _back(self, message: Any) -> list[Target]:
        names = message.helper_metadata.get(_METADATA, {}).get(_NAMES)
        name = names.pop() if names else None
        if name in self._outward:
            return self._outward[name]
        self.log.warn("a reply to a message of unknown transport {name!r}", name=name)
        return next(self._turns)
