"""The posts that make an outcome true: the next attempt, and the dead letter."""

from __future__ import annotations

import json
from typing import Any

from twisted.python.failure import Failure

from pipeline.delivery import Delivery, Post
from pipeline.errors import RetryLater

__all__ = ["as_note", "dead_letter", "described", "next_attempt", "traceback_of", "where"]

#: The most failed attempts that are remembered; the oldest are forgotten.
REMEMBERED = 20

#: The longest traceback that travels with a dead letter, in bytes; its end is kept.
LONGEST_TRACEBACK = 16 * 1024

#: The longest text of an error in a history, in characters.
LONGEST_ERROR = 500


def next_attempt(delivery: Delivery, after: float, error: Any, at: float, place: str) -> Post:
    """The same message, due again later, with one more failed attempt in its history.

    What :class:`~pipeline.errors.RetryLater` puts off has not failed: its attempt and its history
    stay as they are.

    :param after: seconds until it is due.
    :param error: what went wrong: an exception, a text or None.
    :param at: now, in seconds since the epoch.
    :param place: what failed, as :func:`where` says.
    """
    failed = not isinstance(error, RetryLater)
    attempt = delivery.attempt + failed
    headers = (
        *(b"a", str(attempt).encode()),
        *(b"d", str(delivery.deaths).encode()),
        *(b"t", str(delivery.enqueued_at).encode()),
        *(b"h", _history(delivery, error, at, place) if failed else delivery.history),
        *delivery.trace_headers,
    )
    return Post(
        delivery.queue,
        delivery.payload,
        headers,
        delay=max(0, round(after * 1000)),
        # Not the message's id: two copies of a message that fail at once are two messages.
        unique=f"{delivery.id.decode()}:{attempt}",
    )


def as_note(post: Post) -> tuple[int, int, bytes]:
    """What is new in a next attempt: its delay in ms, its number, and the history."""
    headers = dict(zip(post.headers[::2], post.headers[1::2], strict=True))
    return post.delay, int(headers[b"a"]), headers[b"h"]


def dead_letter(delivery: Delivery, reason: str, error: Any, at: float, place: str) -> Post:
    """The message for the dead-letter stream of its queue, with all that is known about it.

    :param reason: in one word, as ``exhausted``; see :class:`~pipeline.delivery.DeadLetterEntry`.
    :param error: what went wrong: an exception, a text or None.
    :param at: now, in seconds since the epoch.
    :param place: what failed, as :func:`where` says.
    """
    fields: dict[str, str | bytes] = {
        "reason": reason,
        "error": described(error),
        "traceback": _traceback(error),
        "where": place,
        "attempts": str(delivery.attempt),
        "history": _history(delivery, error, at, place),
        "enqueued_at": str(delivery.enqueued_at),
    }
    if delivery.trace:
        fields["trace"] = delivery.trace
    if "@" in delivery.queue:
        # It lies with the letters of its connector's queue, and should find its way back.
        fields["queue"] = delivery.queue
    headers = [_bytes(part) for pair in fields.items() for part in pair]
    return Post(f"!{delivery.queue}", delivery.payload, tuple(headers))


def where(error: Any, otherwise: Any = None) -> str:
    """What failed: the middleware that the exception names, else the handler.

    :param otherwise: the handler that ran, or None.
    """
    found = getattr(error, "pipeline_where", None)
    if found:
        return str(found)
    return getattr(otherwise, "__qualname__", "") or (repr(otherwise) if otherwise else "")


def described(error: Any) -> str:
    """An error in one line: its class and its text."""
    if not isinstance(error, BaseException):
        return "" if error is None else str(error)
    text = str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def traceback_of(error: BaseException) -> str:
    """Where an error comes from, as text; in another process, if it is from there."""
    remote = getattr(error, "remote_traceback", "")
    text: str = remote or Failure(error).getTraceback()
    return text


def _history(delivery: Delivery, error: Any, at: float, place: str) -> bytes:
    try:
        known = json.loads(delivery.history) if delivery.history else []
    except ValueError:
        known = []  # from a peer that writes it otherwise: nothing worth failing for
    failed = {
        "attempt": delivery.attempt,
        "at": round(at, 3),
        "error": described(error)[:LONGEST_ERROR],
        "where": place,
    }
    return json.dumps([*known, failed][-REMEMBERED:]).encode()


def _traceback(error: Any) -> bytes:
    if not isinstance(error, BaseException):
        return b""
    return _bytes(traceback_of(error))[-LONGEST_TRACEBACK:]


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode("utf-8", "replace")
