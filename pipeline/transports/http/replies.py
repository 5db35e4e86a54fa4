"""What a client is told of the reply to its message."""

from __future__ import annotations

from typing import Any

from twisted.logger import Logger

from pipeline.errors import SuspiciousOperation
from pipeline.message import ResultMessage
from pipeline.requests import Response
from pipeline.requests.wire import HTTP
from pipeline.transports.answers import Answer, Page, refusal
from pipeline.transports.bodies import user_message_out
from pipeline.transports.http.hops import end_to_end

__all__ = ["page_of", "reply_answer"]

#: The statuses that a response may have.
STATUSES = range(200, 600)

#: Those of them that have no body.
BARE = frozenset({204, 304})

_log = Logger()


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


def page_of(reply: Any, method: str, debug: bool) -> Page:
    """The reply to a request for a view, as its response.

    :param reply: a message with a response of HTTP in it; one without is a text.
    :param method: of the request.
    :param debug: whether to show tracebacks.
    :raise HttpError: the request has failed for good, or the response is none.
    """
    if isinstance(reply, ResultMessage):
        shown: dict[str, Any] = (
            {"error": reply.error, "traceback": reply.traceback} if debug else {}
        )
        what = "this went wrong; the application's log says more"
        raise refusal(500, what, id=reply.in_reply_to, **shown)
    fields = reply.extra.get(HTTP)
    given = Response(reply.content or "") if fields is None else _response(fields, reply)
    return _page(given, method)


def _response(fields: Any, reply: Any) -> Response:
    try:
        response = Response.from_fields(fields)
    except (AttributeError, TypeError, ValueError, SuspiciousOperation) as error:
        wrong = str(error)
    else:
        if response.status in STATUSES:
            return response
        wrong = f"it has the status {response.status}"
    _log.error("{reply} is no response of HTTP: {wrong}", reply=reply, wrong=wrong)
    raise refusal(502, "the application answered what is no response of HTTP")


def _page(response: Response, method: str) -> Page:
    body = b"" if response.status in BARE else response.content
    length = str(len(body))
    if method == "HEAD" and not body:
        # A view that has left the body out may still say how long it would be.
        length = response.headers.get("Content-Length", length)
    pairs = end_to_end(response.headers.pairs)
    headers = [pair for pair in pairs if pair[0].lower() != "content-length"]
    if response.status not in BARE:
        headers.append(("Content-Length", length))
    return Page(response.status, body, tuple(headers))
