"""Headers that are for the next hop only, and go no further."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["end_to_end"]

#: As RFC 9110 (section 7.6.1) has them, with what Connection lists.
_OF_THE_HOP = frozenset(
    {
        "connection",
        "expect",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authentication-info",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)


def end_to_end(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The headers that are for who is at the other end."""
    listed = list(pairs)
    named = [value for name, value in listed if name.lower() == "connection"]
    dropped = {each.strip().lower() for value in named for each in value.split(",")}
    return [
        (name, value)
        for name, value in listed
        if name.lower() not in dropped and name.lower() not in _OF_THE_HOP
    ]
