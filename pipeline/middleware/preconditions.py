"""The conditions under which a request wants to be answered: RFC 9110, section 13."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from http import HTTPStatus
from typing import Any, NamedTuple

from pipeline.requests import Response

__all__ = ["Version", "as_tag", "http_date", "not_modified", "refusal", "seconds_of"]

_TAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')

#: What of a response a 304 has as well (RFC 9110, 15.4.5), and when it was changed.
_KEPT = (
    "Cache-Control",
    "Content-Location",
    "Date",
    "ETag",
    "Expires",
    "Last-Modified",
    "Set-Cookie",
    "Vary",
)


class Version(NamedTuple):
    """What there is now.

    :param tag: its entity tag, as in a header; None: not known.
    :param modified: when it was last changed, in whole seconds since the epoch; None: not known.
    :param exists: there is something.
    """

    tag: str | None
    modified: int | None
    exists: bool = True


def refusal(request: Any, now: Version) -> Response | None:
    """The response to a request whose conditions are not met; None when they are.

    They are looked at in the order of RFC 9110, 13.2.2.
    """
    if not _may_be_this(request.headers, now):
        return Response("Precondition Failed", int(HTTPStatus.PRECONDITION_FAILED))
    if _is_news(request, now):
        return None
    if request.method in ("GET", "HEAD"):
        return _bare(HTTPStatus.NOT_MODIFIED)
    return Response("Precondition Failed", int(HTTPStatus.PRECONDITION_FAILED))


def not_modified(request: Any, response: Response) -> Response:
    """The 304 in the place of a response: its headers and cookies, as far as they belong there.

    The tag is as the client has it: one that it knows as a weak one only, as compression makes
    them, is a weak one. Otherwise it would be the tag of something else (RFC 9111, 4.3.4).
    """
    bare = _bare(HTTPStatus.NOT_MODIFIED)
    kept = {name.lower() for name in _KEPT}
    for name, value in response.headers.pairs:
        if name.lower() in kept:
            bare.headers.add(name, value)
    weak = f"W/{response.headers.get('ETag', '')}"
    known = _TAG.findall(request.headers.get("If-None-Match", ""))
    if weak in known and weak.removeprefix("W/") not in known:
        bare["ETag"] = weak
    bare.cookies = response.cookies
    bare.continue_session = response.continue_session
    return bare


def as_tag(text: str) -> str:
    """A text as an entity tag; one that is a tag already stays as it is.

    :raise ValueError: it has a character in it that no tag may have.
    """
    tag = text if _TAG.fullmatch(text) else f'"{text}"'
    if not _TAG.fullmatch(tag):
        raise ValueError(f"no entity tag: {text!r}")
    return tag


def http_date(seconds: float) -> str:
    """A time as HTTP has it, in whole seconds."""
    return format_datetime(datetime.fromtimestamp(int(seconds), UTC), usegmt=True)


def seconds_of(date: str) -> int | None:
    """A time of HTTP in seconds since the epoch; None: it is none."""
    try:
        found = parsedate_to_datetime(date)
        return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp())
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def _bare(status: HTTPStatus) -> Response:
    response = Response(status=int(status))
    del response.headers["Content-Type"]
    return response


def _may_be_this(headers: Any, now: Version) -> bool:
    """``If-Match``, else ``If-Unmodified-Since``."""
    if "If-Match" in headers:
        return _matches(headers["If-Match"], now, _is_same)
    since = seconds_of(headers.get("If-Unmodified-Since", ""))
    return since is None or now.modified is None or now.modified <= since


def _is_news(request: Any, now: Version) -> bool:
    """``If-None-Match``, else ``If-Modified-Since`` where it counts."""
    headers = request.headers
    if "If-None-Match" in headers:
        return not _matches(headers["If-None-Match"], now, _is_as_good)
    if request.method not in ("GET", "HEAD"):
        return True
    since = seconds_of(headers.get("If-Modified-Since", ""))
    return since is None or now.modified is None or now.modified > since


def _matches(listed: str, now: Version, fits: Callable[[str, str], bool]) -> bool:
    """Whether what there is now is in a list of tags; ``*`` is anything."""
    if listed.strip() == "*":
        return now.exists
    tag = now.tag
    return tag is not None and any(fits(tag, each) for each in _TAG.findall(listed))


def _is_same(tag: str, other: str) -> bool:
    """The strong comparison of RFC 9110, 8.8.3.2."""
    return tag == other and not tag.startswith("W/")


def _is_as_good(tag: str, other: str) -> bool:
    """The weak one."""
    return tag.removeprefix("W/") == other.removeprefix("W/")
