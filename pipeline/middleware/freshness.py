"""How long a response may be kept for others: Cache-Control and its like (RFC 9111)."""

from __future__ import annotations

import re
from typing import Any

from pipeline.middleware.preconditions import http_date, seconds_of

__all__ = ["lifetime", "tell", "varied"]

_DIRECTIVE = re.compile(r'([\w-]+)(?:\s*=\s*(?:"([^"]*)"|([^\s,]+)))?', re.ASCII)

#: What keeps a response out of a cache that several people share.
_FORBIDDING = frozenset({"private", "no-store", "no-cache"})

#: The most seconds that a number of them is taken for: ten years.
_LONGEST = 10 * 365 * 86400


def lifetime(headers: Any, default: float, now: float) -> float:
    """For how many seconds a response may be kept; 0: not at all.

    ``s-maxage`` goes before ``max-age``, that before ``Expires``, and that before the default.
    """
    control = _directives(headers.get("Cache-Control", ""))
    if control.keys() & _FORBIDDING:
        return 0.0
    for name in ("s-maxage", "max-age"):
        if name in control:
            return _seconds(control[name])
    if "Expires" in headers:
        until = seconds_of(headers["Expires"])
        return 0.0 if until is None else max(0.0, until - now)
    return default


def tell(headers: Any, seconds: float, now: float) -> None:
    """Say to the client how long the response is good, unless it says that already."""
    headers.setdefault("Expires", http_date(now + seconds))
    given = headers.get("Cache-Control", "")
    if "max-age" not in _directives(given):
        headers["Cache-Control"] = ", ".join(filter(None, [given, f"max-age={int(seconds)}"]))


def varied(headers: Any) -> tuple[str, ...]:
    """The headers of the request that the response depends on, in lower case and in order."""
    names = {each.strip().lower() for each in headers.get("Vary", "").split(",")}
    return tuple(sorted(names - {""}))


def _directives(header: str) -> dict[str, str]:
    return {found[1].lower(): found[2] or found[3] or "" for found in _DIRECTIVE.finditer(header)}


def _seconds(text: str) -> float:
    """A number of seconds; what is none forbids, as it can't be known what was meant."""
    return float(min(int(text), _LONGEST)) if re.fullmatch("[0-9]{1,20}", text) else 0.0
