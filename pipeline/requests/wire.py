"""How a request and a response of HTTP travel in a message: in ``extra``, under ``http``.

::

    request   {"method", "path", "query", "headers", "scheme", "remote", "body"}
    response  {"status", "headers", "body"}

``headers`` is a list of pairs. A body that is UTF-8 is a text; any other is in ``body64`` instead,
in base64. An empty one is left out.
"""

from __future__ import annotations

import base64
from typing import Any

from pipeline.errors import SuspiciousOperation

__all__ = ["HTTP", "body_fields", "body_in", "without_secrets"]

#: The key of ``extra``.
HTTP = "http"

#: Headers by which somebody could pass for somebody else.
SECRET = frozenset({"authorization", "cookie", "proxy-authorization", "set-cookie"})


def body_fields(body: bytes) -> dict[str, str]:
    """The fields that carry a body."""
    if not body:
        return {}
    try:
        return {"body": body.decode()}
    except UnicodeDecodeError:
        return {"body64": base64.b64encode(body).decode()}


def body_in(fields: dict[str, Any]) -> bytes:
    """The body that fields carry.

    :raise SuspiciousOperation: they carry none that can be read.
    """
    text, encoded = fields.get("body", ""), fields.get("body64")
    try:
        return text.encode() if encoded is None else base64.b64decode(encoded, validate=True)
    except (AttributeError, TypeError, ValueError):
        raise SuspiciousOperation("the request's body can't be read") from None


def without_secrets(fields: Any) -> Any:
    """The same for a log: of cookies and credentials only the names, of a body only the length."""
    if not isinstance(fields, dict):
        return fields
    shown = {
        key: value for key, value in fields.items() if key not in ("body", "body64", "headers")
    }
    body = fields.get("body", fields.get("body64"))
    if isinstance(body, str):
        shown["body"] = f"<{len(body)} characters>"
    headers = fields.get("headers")
    if isinstance(headers, list | tuple):
        shown["headers"] = [_shown(pair) for pair in headers]
    return shown


def _shown(pair: Any) -> Any:
    is_pair = isinstance(pair, list | tuple) and bool(pair)
    return [pair[0], "..."] if is_pair and str(pair[0]).lower() in SECRET else pair
