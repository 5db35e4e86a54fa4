"""Routes each connector to another."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pipeline.dispatchers.base import (
    APPLICATIONS,
    TRANSPORTS,
    Dispatcher,
    DispatcherConfig,
    Target,
)
from pipeline.dispatchers.fields import ConfigRoutes, Mention

__all__ = ["RedirectRouter", "RedirectRouterConfig"]


class RedirectRouterConfig(DispatcherConfig):
    """Options of :class:`RedirectRouter`."""

    redirect_inbound = ConfigRoutes(
        "For each transport's connector, the connector that its messages and events go to.",
        default={},
        static=True,
    )
    redirect_outbound = ConfigRoutes(
        "For each application's connector, the connector that its messages go to.",
        default={},
        static=True,
    )

    def mentions(self) -> Iterable[Mention]:
        for option, side, other in (
            ("redirect_inbound", TRANSPORTS, APPLICATIONS),
            ("redirect_outbound", APPLICATIONS, TRANSPORTS),
        ):
            yield from self.keys_of(option, side)
            yield from self.values_of(option, other)

    def post_validate(self) -> None:
        """:raises ConfigError: a route is wrong, or there is none."""
        super().post_validate()
        if not (self.redirect_inbound or self.redirect_outbound):
            self.raise_config_error("redirect_inbound or redirect_outbound is required")


class RedirectRouter(Dispatcher):
    """Sends what one connector reads to another.

    As Vumi's, but ``transport_name`` is rewritten in both directions, where Vumi does so inwards
    only; and the keys are connectors.
    """

    CONFIG_CLASS = RedirectRouterConfig

    renames = True

    def setup_dispatcher(self) -> None:
        """Make the targets."""
        config = self.config
        self._inward = {key: [Target(name)] for key, name in config.redirect_inbound.items()}
        self._outward = {key: [Target(name)] for key, name in config.redirect_outbound.items()}

    def route_inbound(self, message: Any, connector_name: str) -> list[Target]:
        return self._inward.get(connector_name, [])

    def route_outbound(self, message: Any, connector_name: str) -> list[Target]:
        return self._outward.get(connector_name, [])

    def route_event(self, message: Any, connector_name: str) -> list[Target]:
        redirected = self._inward.get(connector_name)
        default: list[Target] = super().route_event(message, connector_name)
        return redirected or default
