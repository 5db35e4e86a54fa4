"""What a client is told of the reply to its message."""

from __future__ import annotations

from typing import Any

from pipeline.message import ResultMessage
from pipeline.transports.answers import Answer
from pipeline.transports.bodies import user_message_out

__all__ = ["reply_answer"]


def reply_answer(reply: Any, id: str, debug: bool) -> Answer:
    """The reply as a response.

    :param reply: a user message, or how a task ended.
    :param id: what the client calls the message that is answered.
    :param debug: whether to show tracebacks.
    """
    if not isinstance(reply, ResultMessage):
        return Answer(200, {**user_message_out(reply), "in_reply_to": id})
    content: dict[str, Any] = {"id": id, "status": reply.status}
    if reply.status == "finished":
        return Answer(200, {**content, "value": reply.value})
    content["error"] = reply.error
    if debug:
        content["traceback"] = reply.traceback
    return Answer(500, content)
