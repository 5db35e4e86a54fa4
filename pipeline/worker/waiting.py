"""Telling a process that waits for an answer that there will be none."""

from __future__ import annotations

from typing import Any

from twisted.python.failure import Failure

from pipeline.connector.posting import described
from pipeline.delivery import Delivery
from pipeline.message import UserMessage

__all__ = ["tell_who_waits"]


async def tell_who_waits(
    connector: Any, message: Any, error: BaseException | str, delivery: Delivery
) -> None:
    """Answer a message that has failed for good, if somebody waits for its answer.

    The answer is settled together with the message.

    :param connector: the :class:`~pipeline.connector.Connector` that the message came from.
    :param message: what was read; None when it could not be decoded.
    :param error: why it failed.
    """
    if not isinstance(message, UserMessage) or not message.is_awaited:
        return
    traceback = Failure(error).getTraceback() if isinstance(error, BaseException) else None
    answer = message.failed(described(error), traceback)
    await connector.publish("outbound", answer, delivery=delivery)
