"""What to search for: three tries, from the whole text down to the class alone."""

from __future__ import annotations

import re

from pipeline.search.plain import on_one_line
from pipeline.search.trouble import Trouble

__all__ = ["queries"]

#: The most characters of a try.
LONGEST = 150

#: What nobody's question has in its title, and should not leave the house: addresses, long numbers,
#: keys, and whatever follows the name of a secret.
_PRIVATE = re.compile(
    r"\S+@\S+"
    r"|(?i:\b(?:password|passwd|secret|token|api[_-]?key)\b\s*[=:]\s*\S+)"
    r"|\b[a-z][a-z0-9+.-]*://\S+"
    r"|(?<![\w.-])\+?[0-9][0-9 -]{6,}[0-9]"
    r"|\b(?=[\w-]*[0-9])[\w-]{16,}"
)
_QUOTE = re.compile(r"""['"`]""")


def queries(trouble: Trouble) -> list[str]:
    """The tries, in order, none twice: class and text; the text up to its first quote; the class.

    Only the first line of the text counts. What looks private is left out.
    """
    line = _PRIVATE.sub(" ", trouble.message[:1000].strip().partition("\n")[0])
    start = _QUOTE.split(line, maxsplit=1)[0]
    tries = [f"{trouble.name}: {line}" if line.strip() else "", start, trouble.name]
    tidy = [on_one_line(each)[:LONGEST].strip(" :,;.(") for each in tries]
    return list(dict.fromkeys(each for each in tidy if each))
