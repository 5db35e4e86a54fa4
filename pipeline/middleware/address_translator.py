"""Sends to other addresses than those that are asked for, and hides that from applications."""

from __future__ import annotations

from typing import Any, ClassVar

from twisted.logger import Logger

from pipeline.config.base import Config
from pipeline.config.texts import ConfigTexts
from pipeline.middleware.base import BaseMiddleware
from pipeline.middleware.selection import detach

__all__ = ["AddressTranslationMiddleware", "AddressTranslatorMiddlewareConfig"]

_log = Logger()


class AddressTranslatorMiddlewareConfig(Config):
    """The options of :class:`AddressTranslationMiddleware`."""

    outbound_map = ConfigTexts(
        "The address that messages to each address go to instead. Addresses that are not in it are"
        " left as they are.",
        required=True,
        static=True,
    )


class AddressTranslationMiddleware(BaseMiddleware):
    """Replaces ``to_addr`` of outbound messages, and ``from_addr`` of inbound ones the other way.

    Behaviour follows Vumi (0.6.19, ``vumi.middleware.address_translator``). Where several
    addresses go to one, what comes from there seems to come from the one that is listed last.
    """

    CONFIG_CLASS: ClassVar[type[Config]] = AddressTranslatorMiddlewareConfig
    MAY = ("change",)
    config: AddressTranslatorMiddlewareConfig

    def setup_middleware(self) -> None:
        """Make the inverse."""
        self.outbound_map = self.config.outbound_map
        self.inbound_map = {real: asked for asked, real in self.outbound_map.items()}
        if len(self.inbound_map) < len(self.outbound_map):
            _log.warn(
                "{name}: several addresses go to one: replies are told apart no more",
                name=self.name,
            )
        if not self.outbound_map:
            detach(self, AddressTranslationMiddleware, "inbound", "outbound")

    def handle_outbound(self, message: Any, connector_name: str) -> Any:
        """Send it elsewhere, if its address is listed."""
        real = self.outbound_map.get(message.get("to_addr"))
        if real is not None:
            message["to_addr"] = real
        return message

    def handle_inbound(self, message: Any, connector_name: str) -> Any:
        """Let it come from the address that applications know."""
        asked = self.inbound_map.get(message.get("from_addr"))
        if asked is not None:
            message["from_addr"] = asked
        return message
