"""Routes by the group that a user belongs to."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import cycle
from typing import Any

from pipeline.config.quantities import ConfigDuration
from pipeline.delivery import delivery_of
from pipeline.dispatchers.base import APPLICATIONS, Target
from pipeline.dispatchers.fields import ConfigRoutes, Mention
from pipeline.dispatchers.named_transport import NamedTransportConfig, NamedTransportRouter

__all__ = ["UserGroupingRouter", "UserGroupingRouterConfig"]


class UserGroupingRouterConfig(NamedTransportConfig):
    """Options of :class:`UserGroupingRouter`."""

    group_mappings = ConfigRoutes(
        "For each group, the application's connector that its users' messages go to.",
        required=True,
        static=True,
    )
    expire_group_memory = ConfigDuration(
        "How long a user who is silent is remembered; by default for ever, as in Vumi.",
        static=True,
    )

    def mentions(self) -> Iterable[Mention]:
        yield from super().mentions()
        yield from self.values_of("group_mappings", APPLICATIONS)

    def post_validate(self) -> None:
        """:raises ConfigError: a route is wrong, or there is no group."""
        super().post_validate()
        if not self.group_mappings:
            self.raise_config_error("group_mappings: there must be a group", "group_mappings")


class UserGroupingRouter(NamedTransportRouter):
    """Puts each new user into the next group, and sends all that the user says to its application.

    As Vumi's, for A/B tests. A user is a ``from_addr``. That one belongs to a group is written
    together with the settlement of the first message, and holds for all processes; each process
    takes the groups in turn by itself, in the order of their names. A user of a group that is gone
    from the configuration is put into another.
    """

    CONFIG_CLASS = UserGroupingRouterConfig

    def setup_dispatcher(self) -> None:
        """Make the targets."""
        groups = sorted(self.config.group_mappings.items())
        self._targets: dict[str, list[Target]] = {group: [Target(name)] for group, name in groups}
        self._turns = cycle(self._targets)

    async def route_inbound(self, message: Any, connector_name: str) -> list[Target]:
        return self._targets[await self._group_of(message)]

    async def _group_of(self, message: Any) -> str:
        user: str | None = message.user()
        delivery = delivery_of(message)
        if not user or delivery is None:
            return next(self._turns)
        key, seconds = f"group:{self.name}:{user}", self.config.expire_group_memory
        # Compared at the settlement: of two first messages at once, one is routed anew.
        known = await delivery.store.get(key)
        group = "" if known is None else known.decode()
        if group not in self._targets:
            group = next(self._turns)
            delivery.store.set(key, group, seconds)
        elif seconds:
            delivery.store.expire("v", key, seconds)
        return group
