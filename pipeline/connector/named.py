"""A connector's methods by kind, under Vumi's names, for code that comes from there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred

__all__ = ["NamedByKind"]

Handler = Callable[[Any], Any]


class NamedByKind:
    """The names of Vumi's connectors (0.6.19, ``vumi.connectors``), for every kind on every one.

    Each is the general method for one kind; an endpoint of None is ``default``. A kind that a
    connector doesn't read, or publish, is a PipelineError.
    """

    def add_handler(self, kind: str, handler: Handler, endpoint: str = "default") -> None:
        """See :meth:`pipeline.connector.Connector.add_handler`."""
        raise NotImplementedError

    def set_default_handler(self, kind: str, handler: Handler) -> None:
        """See :meth:`pipeline.connector.Connector.set_default_handler`."""
        raise NotImplementedError

    def publish(self, kind: str, message: Any, endpoint: str | None = None) -> Deferred[Any]:
        """See :meth:`pipeline.connector.Connector.publish`."""
        raise NotImplementedError

    def set_inbound_handler(self, handler: Handler, endpoint_name: str | None = None) -> None:
        """Have inbound messages for an endpoint handled by this."""
        self.add_handler("inbound", handler, endpoint_name or "default")

    def set_outbound_handler(self, handler: Handler, endpoint_name: str | None = None) -> None:
        """Have outbound messages for an endpoint handled by this."""
        self.add_handler("outbound", handler, endpoint_name or "default")

    def set_event_handler(self, handler: Handler, endpoint_name: str | None = None) -> None:
        """Have events for an endpoint handled by this."""
        self.add_handler("event", handler, endpoint_name or "default")

    def set_status_handler(self, handler: Handler, endpoint_name: str | None = None) -> None:
        """Have status messages for an endpoint handled by this."""
        self.add_handler("status", handler, endpoint_name or "default")

    def set_default_inbound_handler(self, handler: Handler) -> None:
        """Have inbound messages for endpoints that nobody has handled by this."""
        self.set_default_handler("inbound", handler)

    def set_default_outbound_handler(self, handler: Handler) -> None:
        """Have outbound messages for endpoints that nobody has handled by this."""
        self.set_default_handler("outbound", handler)

    def set_default_event_handler(self, handler: Handler) -> None:
        """Have events for endpoints that nobody has handled by this."""
        self.set_default_handler("event", handler)

    def set_default_status_handler(self, handler: Handler) -> None:
        """Have status messages for endpoints that nobody has handled by this."""
        self.set_default_handler("status", handler)

    def publish_inbound(self, message: Any, endpoint_name: str | None = None) -> Deferred[Any]:
        """Publish an inbound message."""
        return self.publish("inbound", message, endpoint_name)

    def publish_outbound(self, message: Any, endpoint_name: str | None = None) -> Deferred[Any]:
        """Publish an outbound message."""
        return self.publish("outbound", message, endpoint_name)

    def publish_event(self, message: Any, endpoint_name: str | None = None) -> Deferred[Any]:
        """Publish an event."""
        return self.publish("event", message, endpoint_name)

    def publish_status(self, message: Any, endpoint_name: str | None = None) -> Deferred[Any]:
        """Publish a status message."""
        return self.publish("status", message, endpoint_name)
