"""Keeps secrets out of the log: those that the configuration has, and what looks like one.

Who reads a secret from a configuration gives it to :func:`mask`; whatever is logged passes
:func:`masked`. So it doesn't matter by which way a secret came into a text: an error of a library,
a URL, the representation of an object.
"""

from __future__ import annotations

import base64
import json
import re
from urllib.parse import quote

__all__ = ["HIDDEN", "is_secret_name", "mask", "masked"]

#: What stands in a text instead of a secret.
HIDDEN = "***"

#: Secrets that are shorter are part of ordinary words, and are known by their place only.
SHORTEST = 6

#: In all the forms in which they may come into a text, the longest first.
_known: list[str] = []

_NAME = r"(?:password|passwd|secret|token|api[_-]?key|credential)s?"
_NAMED = re.compile(_NAME, re.IGNORECASE)
#: Words without which none of the patterns below applies; to look for them is cheaper.
_WORDS = ("authorization", "cookie", "bearer", "basic", "pass", "secret", "token", "key", "creden")
_VALUE = r"""("[^"\n]*"|'[^'\n]*'|[^\s"'&;,)}\]]+)"""
_PATTERNS = (
    # Headers of HTTP, also in the representations of dicts, lists of pairs and JSON.
    (
        re.compile(
            r"""((?:proxy-)?authorization|(?:set-)?cookie)(["']?\s*[:=]\s*|["']\s*,\s*)"""
            r"""([\[(]?b?["']?)[^"'\r\n\])]+""",
            re.IGNORECASE,
        ),
        rf"\1\2\3{HIDDEN}",
    ),
    (re.compile(r"\b(bearer|basic)\s+[\w.~+/=-]{16,}", re.IGNORECASE), rf"\1 {HIDDEN}"),
    # password=.., ?token=.., "secret": "..".
    (
        re.compile(rf"""({_NAME})(=|["']\s*:\s*)b?{_VALUE}""", re.IGNORECASE),
        rf"\1\2{HIDDEN}",
    ),
)
_URL = re.compile(r"""(://[^\s/:@'"]*):[^\s/@'"]+@""")


def mask(secret: str | bytes) -> None:
    """Let this never be logged, from now on and in the whole process.

    :param secret: a text, or bytes; it is known also quoted, in JSON and in a URL, bytes in base64
        and in hexadecimal.
    """
    forms = _forms_of_bytes(secret) if isinstance(secret, bytes) else _forms(secret)
    new = {form for form in forms if len(form) >= SHORTEST}.difference(_known)
    _known.extend(new)
    _known.sort(key=len, reverse=True)


def _forms(secret: str) -> set[str]:
    inside = slice(1, -1)
    return {secret, repr(secret)[inside], json.dumps(secret)[inside], quote(secret, safe="")}


def _forms_of_bytes(secret: bytes) -> set[str]:
    found = {repr(secret)[2:-1], secret.hex(), base64.b64encode(secret).decode()}
    try:
        return found | _forms(secret.decode())
    except UnicodeDecodeError:
        return found


def masked(text: str) -> str:
    """The text, with :data:`HIDDEN` where a secret was."""
    for secret in tuple(_known):
        if secret in text:
            text = text.replace(secret, HIDDEN)
    if "://" in text:
        text = _URL.sub(rf"\1:{HIDDEN}@", text)
    lower = text.lower()
    if any(word in lower for word in _WORDS):
        for pattern, instead in _PATTERNS:
            text = pattern.sub(instead, text)
    return text


def is_secret_name(name: str) -> bool:
    """Whether what goes by this name is better not shown."""
    return _NAMED.search(name) is not None
