"""Sending a browser elsewhere, with what it has asked for."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from pipeline.requests import RedirectResponse

__all__ = ["in_url", "moved"]

#: What stands in a path, and in a query that is encoded, as it is.
_IN_PATH = "/~!$&'()*+,;=:@-._"
_IN_QUERY = f"{_IN_PATH}?%[]"

#: The status of a permanent redirect that keeps method and body.
_SAME_METHOD = 308


def in_url(path: str, query: str) -> str:
    """Path and query as they stand in a URL; never what a browser takes for another host.

    :param path: decoded.
    :param query: encoded already, unless whoever sent it is no browser.
    """
    quoted = quote(path, safe=_IN_PATH)
    if quoted.startswith("//"):
        quoted = f"/%2F{quoted[2:]}"
    return f"{quoted}?{quote(query, safe=_IN_QUERY)}" if query else quoted


def moved(request: Any, base: str, path: str) -> RedirectResponse:
    """A permanent redirect to a path of this site or another, with the request's query.

    A 301, or for other methods than GET and HEAD a 308: of a 301 browsers make a GET.

    :param base: as ``https://example.com``; ``""``: the same.
    """
    response = RedirectResponse(base + in_url(path, request.query_string), permanent=True)
    if request.method not in ("GET", "HEAD"):
        response.status = _SAME_METHOD
    return response
