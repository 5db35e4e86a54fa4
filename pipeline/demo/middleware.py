"""Three small middlewares, one of each sort: it changes, it refuses, it waits."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from pipeline.errors import Drop
from pipeline.middleware.base import BaseMiddleware

__all__ = ["CheckMiddleware", "StampMiddleware", "TidyMiddleware"]


class StampMiddleware(BaseMiddleware):
    """Writes into every message which stacks it has passed."""

    MAY = ("change",)

    def _stamp(self, message: Any, where: str) -> Any:
        message.helper_metadata.setdefault("stamps", []).append(where)
        return message

    def handle_consume_inbound(self, message: Any, connector_name: str) -> Any:
        return self._stamp(message, f"{self.worker.name} consume")

    def handle_publish_inbound(self, message: Any, connector_name: str) -> Any:
        return self._stamp(message, f"{self.worker.name} publish")

    handle_consume_outbound = handle_consume_inbound
    handle_publish_outbound = handle_publish_inbound


class TidyMiddleware(BaseMiddleware):
    """Takes needless white space out of what users write, before an application sees it."""

    MAY = ("change",)

    def handle_consume_inbound(self, message: Any, connector_name: str) -> Any:
        if message.content:
            message.content = " ".join(message.content.split())
        return message


class CheckMiddleware(BaseMiddleware):
    """Asks somebody else, who takes a moment, whether a message may pass.

    It shows that a handler may wait; other messages pass in the meantime.
    """

    MAY = ("drop",)

    def handle_publish_inbound(self, message: Any, connector_name: str) -> Deferred[Any]:
        return deferLater(self.worker.clock, 0.002, self._judge, message)

    def _judge(self, message: Any) -> Any:
        if message.content and "lottery" in message.content:
            raise Drop("we don't want that")
        return message
