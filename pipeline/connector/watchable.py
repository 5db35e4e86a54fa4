"""What a connector offers to who watches it: what it carries, and a place around its handlers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pipeline.connector.named import NamedByKind

if TYPE_CHECKING:
    from pipeline.connector.handling import Inlet
    from pipeline.connector.publishing import Publisher
    from pipeline.delivery import Limit

__all__ = ["Watchable"]

Handler = Callable[[Any], Any]


class Watchable(NamedByKind):
    """The part of a connector that is for who explains or traces it."""

    _inlets: dict[str, Inlet]
    _publisher: Publisher
    _further: list[tuple[str, str, list[Limit | None], int]]

    @property
    def consumes(self) -> tuple[str, ...]:
        """The kinds that it reads."""
        return tuple(self._inlets)

    @property
    def publishes(self) -> tuple[str, ...]:
        """The kinds that it publishes."""
        return self._publisher.kinds

    @property
    def further(self) -> list[tuple[str, str]]:
        """The queues that it will read besides its own, each with its kind."""
        return [(kind, queue) for kind, queue, _, _ in self._further]

    def wrap_handlers(self, around: Callable[[str, Handler], Handler]) -> None:
        """Call something else instead of each handler that is there now; for good.

        :param around: given a kind and a handler, what to call for it.
        """
        for kind, inlet in self._inlets.items():
            inlet.default = around(kind, inlet.default)
            for endpoint, handler in inlet.handlers.items():
                inlet.handlers[endpoint] = around(kind, handler)
