"""Routes by the address that a message is for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pipeline.dispatchers.base import APPLICATIONS, Target
from pipeline.dispatchers.fields import ConfigPatterns, Mention
from pipeline.dispatchers.named_transport import NamedTransportConfig, NamedTransportRouter

__all__ = ["ToAddrRouter", "ToAddrRouterConfig"]


class ToAddrRouterConfig(NamedTransportConfig):
    """Options of :class:`ToAddrRouter`."""

    toaddr_mappings = ConfigPatterns(
        "For each application's connector, a regular expression; messages whose `to_addr` it"
        " matches, from the beginning, go there.",
        required=True,
        static=True,
    )

    def mentions(self) -> Iterable[Mention]:
        yield from super().mentions()
        yield from self.keys_of("toaddr_mappings", APPLICATIONS)


class ToAddrRouter(NamedTransportRouter):
    """Sends a message to every application whose pattern matches its ``to_addr``, each a copy.

    As Vumi's, which has no way back for events. A pattern matches from the beginning of the
    address; end it with ``$`` to match the whole.
    """

    CONFIG_CLASS = ToAddrRouterConfig

    def setup_dispatcher(self) -> None:
        """Make the targets."""
        self._ways = [
            (pattern.match, Target(name)) for name, pattern in self.config.toaddr_mappings.items()
        ]

    def route_inbound(self, message: Any, connector_name: str) -> list[Target]:
        address = message.to_addr or ""
        return [target for matches, target in self._ways if matches(address)]
