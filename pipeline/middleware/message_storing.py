"""Keeps the messages and events that pass."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, ClassVar

from pipeline.config.base import Config
from pipeline.config.fields import ConfigBool, ConfigText
from pipeline.config.quantities import ConfigDuration
from pipeline.middleware.base import BaseMiddleware
from pipeline.middleware.selection import Handler, attach
from pipeline.middleware.tagger import TaggingMiddleware
from pipeline.state.messages import MessageStore
from pipeline.state.unit import State
from pipeline.store import Store

__all__ = ["StoringMiddleware", "StoringMiddlewareConfig"]

_tag_of = TaggingMiddleware.map_msg_to_tag


class StoringMiddlewareConfig(Config):
    """The options of :class:`StoringMiddleware`."""

    store_prefix = ConfigText(
        "What the message store's keys begin with.", default="message_store", static=True
    )
    store_on_consume = ConfigBool(
        "Keep what is read too, not only what goes out.", default=True, static=True
    )
    retention = ConfigDuration(
        "How long a message is kept after it was stored last.", default="7d", static=True
    )

    def post_validate(self) -> None:
        """:raises ConfigError: a retention of no length."""
        if not self.retention:
            self.raise_config_error("retention: must be longer than 0", "retention")


class StoringMiddleware(BaseMiddleware):
    """Keeps inbound and outbound messages, with their tag, and events.

    Behaviour follows Vumi (0.6.19, ``vumi.middleware.message_storing.StoringMiddleware``), which
    keeps them in Riak, for good. Failures are not kept: the dead letters are. What can't be stored
    is an error of the message.

    :ivar store: the :class:`~pipeline.state.messages.MessageStore`, which can be asked.
    """

    CONFIG_CLASS: ClassVar[type[Config]] = StoringMiddlewareConfig
    MAY = ("store",)
    config: StoringMiddlewareConfig

    store: MessageStore

    def setup_middleware(self) -> None:
        """Put the handlers in place."""
        self.store = MessageStore(self.worker, self.config.store_prefix, self.config.retention)
        self._state = State(self.worker)
        self._adders: dict[str, Callable[[Store, Any], Awaitable[None]]] = {
            "inbound": self._add_inbound,
            "outbound": self._add_outbound,
            "event": self.store.add_event,
        }
        attach(self, "publish", self._adders, self._on)
        if self.config.store_on_consume:
            attach(self, "consume", self._adders, self._on)

    def _on(self, kind: str) -> Handler:
        """A handler that keeps messages of a kind."""
        add, state = self._adders[kind], self._state

        async def handle(message: Any, connector_name: str) -> Any:
            await state.for_message(kind, message, lambda store: add(store, message))
            return message

        return handle

    async def _add_inbound(self, store: Store, message: Any) -> None:
        self.store.add_inbound_message(store, message, _tag_of(message))

    async def _add_outbound(self, store: Store, message: Any) -> None:
        self.store.add_outbound_message(store, message, _tag_of(message))
