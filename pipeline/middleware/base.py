"""The base classes of message middleware."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from zope.interface import implementer

from pipeline.config.base import Config
from pipeline.config.numbers import ConfigInt
from pipeline.interfaces import IMessageHooks

__all__ = [
    "ApplicationMiddleware",
    "BaseMiddleware",
    "BaseMiddlewareConfig",
    "TransportMiddleware",
]

#: Vumi's name for what the options of a middleware derive from.
BaseMiddlewareConfig = Config

#: Priorities of what is made by hand, as the ``middleware:`` list has them.
_PRIORITY = ConfigInt("A place in the order; lower goes first.", default=0)


@implementer(IMessageHooks)
class BaseMiddleware:
    """Looks at every message that passes, and may change or stop it.

    The contract is Vumi's (0.6.19, ``vumi.middleware.base``). Override the handlers that are
    wanted, and only those: a handler that isn't overridden costs nothing. A handler takes the
    message and the connector's name, and returns the message, another one, or a Deferred of one; it
    may be ``async def``. Returning None is an error. It may raise
    :class:`~pipeline.errors.Drop`, :class:`~pipeline.errors.Respond` or
    :class:`~pipeline.errors.RetryLater`; anything else that it raises is an error.

    A context variable that an ``async def`` handler sets is set for itself alone; to hand something
    on, put it into the message's ``helper_metadata``.

    :param name: its name in the configuration.
    :param config: its options; ``consume_priority`` and ``publish_priority`` order the stack, lower
        first, 0 if absent (in Vumi None, which Python 3 can't sort).
    :param worker: whom it works for.
    :raise ConfigError: an option is wrong.

    Don't override ``__init__``: override :meth:`setup_middleware`.
    """

    #: The class of its options.
    CONFIG_CLASS: ClassVar[type[Config]] = Config

    #: What it may do, in the words of :data:`~pipeline.middleware.effects.EFFECTS`; (): it only
    #: looks. None: it doesn't say. It speaks for the handlers of this class and those above it.
    MAY: ClassVar[tuple[str, ...] | None] = None

    def __init__(self, name: str, config: Mapping[str, Any], worker: Any) -> None:
        self.name = name
        self.worker = worker
        self.config: Any = self.CONFIG_CLASS(config, static=True)
        self.consume_priority = _PRIORITY.clean(config.get("consume_priority") or 0)
        self.publish_priority = _PRIORITY.clean(config.get("publish_priority") or 0)

    def setup_middleware(self) -> Any:
        """Get ready, before anything passes. May return a Deferred or be ``async def``."""

    def teardown_middleware(self) -> Any:
        """Let go of what was set up. May return a Deferred or be ``async def``."""

    def handle_inbound(self, message: Any, connector_name: str) -> Any:
        """A message from a user, in either direction."""
        return message

    def handle_outbound(self, message: Any, connector_name: str) -> Any:
        """A message to a user, in either direction."""
        return message

    def handle_event(self, message: Any, connector_name: str) -> Any:
        """An event, in either direction."""
        return message

    def handle_failure(self, message: Any, connector_name: str) -> Any:
        """A failure, in either direction."""
        return message

    def handle_status(self, message: Any, connector_name: str) -> Any:
        """A status, in either direction. (Vumi has it on the way out only.)"""
        return message

    def handle_consume_inbound(self, message: Any, connector_name: str) -> Any:
        """An inbound message that was read."""
        return self.handle_inbound(message, connector_name)

    def handle_publish_inbound(self, message: Any, connector_name: str) -> Any:
        """An inbound message that goes out."""
        return self.handle_inbound(message, connector_name)

    def handle_consume_outbound(self, message: Any, connector_name: str) -> Any:
        """An outbound message that was read."""
        return self.handle_outbound(message, connector_name)

    def handle_publish_outbound(self, message: Any, connector_name: str) -> Any:
        """An outbound message that goes out."""
        return self.handle_outbound(message, connector_name)

    def handle_consume_event(self, message: Any, connector_name: str) -> Any:
        """An event that was read."""
        return self.handle_event(message, connector_name)

    def handle_publish_event(self, message: Any, connector_name: str) -> Any:
        """An event that goes out."""
        return self.handle_event(message, connector_name)

    def handle_consume_failure(self, message: Any, connector_name: str) -> Any:
        """A failure that was read."""
        return self.handle_failure(message, connector_name)

    def handle_publish_failure(self, message: Any, connector_name: str) -> Any:
        """A failure that goes out."""
        return self.handle_failure(message, connector_name)

    def handle_consume_status(self, message: Any, connector_name: str) -> Any:
        """A status that was read."""
        return self.handle_status(message, connector_name)

    def handle_publish_status(self, message: Any, connector_name: str) -> Any:
        """A status that goes out."""
        return self.handle_status(message, connector_name)


class TransportMiddleware(BaseMiddleware):
    """Middleware that is meant for transports."""


class ApplicationMiddleware(BaseMiddleware):
    """Middleware that is meant for applications."""
