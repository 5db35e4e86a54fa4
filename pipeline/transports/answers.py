"""What clients are answered: a status, a JSON body, a few headers. HTTP's, and used by others."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

__all__ = ["Answer", "HttpError", "Page", "refusal", "unavailable"]

#: What errors are called in bodies, by status.
_CODES = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "request_too_slow",
    411: "length_required",
    413: "body_too_large",
    414: "uri_too_long",
    415: "unsupported_media_type",
    426: "upgrade_required",
    429: "too_many_failures",
    431: "headers_too_large",
    500: "internal_error",
    501: "not_implemented",
    502: "bad_response",
    503: "unavailable",
    504: "no_answer_in_time",
}


class Answer(NamedTuple):
    """A response.

    :param status: the HTTP status.
    :param content: what the body says, as JSON.
    :param headers: more headers.
    """

    status: int
    content: Any
    headers: tuple[tuple[str, str], ...] = ()

    def body(self) -> bytes:
        """The body."""
        return msgspec.json.encode(self.content) + b"\n"

    def head(self, length: int) -> tuple[tuple[str, str], ...]:
        """All headers.

        :param length: of the body.
        """
        return (
            ("Content-Type", "application/json; charset=utf-8"),
            ("Content-Length", str(length)),
            ("Cache-Control", "no-store"),
            *self.headers,
        )


class Page(NamedTuple):
    """A response that is ready: its headers say how long it is.

    :param status: the HTTP status.
    :param content: the body.
    :param headers: all headers.
    """

    status: int
    content: bytes
    headers: tuple[tuple[str, str], ...]

    def body(self) -> bytes:
        """The body."""
        return self.content

    def head(self, length: int) -> tuple[tuple[str, str], ...]:
        """All headers."""
        return self.headers


class HttpError(Exception):
    """Raised while a request is handled: answer it with this.

    :param answer: the response.
    """

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"{answer.status}: {answer.content}")
        self.answer = answer


def refusal(
    status: int, message: str, *, headers: tuple[tuple[str, str], ...] = (), **details: Any
) -> HttpError:
    """An error, as ``{"error": {"code", "message", ..}}``.

    :param message: what is wrong and what to do, for a person.
    :param details: more members of the error.
    """
    error = {"code": _CODES[status], "message": message, **details}
    return HttpError(Answer(status, {"error": error}, headers))


def unavailable(message: str, retry_after: int = 1, **details: Any) -> HttpError:
    """A 503 that says when to come again.

    :param retry_after: seconds.
    """
    return refusal(503, message, headers=(("Retry-After", str(retry_after)),), **details)
