"""What a client accepts, and how gladly: lists as ``de, en;q=0.5`` (RFC 9110, 12.4.2)."""

from __future__ import annotations

import re

__all__ = ["weights"]

#: The most of a header that is looked at.
LONGEST = 1000

_ITEM = re.compile(
    r"\s*(?P<name>[^\s,;=]+)\s*(?:;\s*q\s*=\s*(?P<weight>[01](?:\.[0-9]{0,3})?)\s*)?",
    re.IGNORECASE | re.ASCII,
)


def weights(header: str) -> dict[str, float]:
    """The names of a list in lower case with their weights, 0 to 1, the first of equals first.

    What can't be read is left out, as is all beyond the first :data:`LONGEST` characters.
    """
    found: dict[str, float] = {}
    for item in header[:LONGEST].split(","):
        parts = _ITEM.fullmatch(item)
        if parts is not None:
            weight = 1.0 if parts["weight"] is None else min(1.0, float(parts["weight"]))
            found.setdefault(parts["name"].lower(), weight)
    return dict(sorted(found.items(), key=lambda pair: -pair[1]))
