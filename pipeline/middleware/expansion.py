"""Texts with groups of a regular expression in them, looked through before any message comes.

``Match.expand`` reads its template anew each time, which takes longer than all else that is done
with a message then.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["Expansion"]

#: What stands for a group while a template is looked through; these are no characters.
_OPEN, _CLOSE = "\ufdd0", "\ufdd1"
_STANDS_FOR: Final = re.compile(f"{_OPEN}(\\d+){_CLOSE}")


class Expansion:
    """What :meth:`re.Match.expand` makes of a template.

    :param pattern: whose matches it will be given.
    :param template: as of :func:`re.sub`; ``\\1`` and ``\\g<name>`` are groups.
    :raise re.error: it is no template, or names a group by a number that is not there.
    :raise IndexError: it names a group by a name that is not there.
    """

    __slots__ = ("_parts",)

    def __init__(self, pattern: re.Pattern[str], template: str) -> None:
        names = {number: name for name, number in pattern.groupindex.items()}
        marks = [f"{_OPEN}{number}{_CLOSE}" for number in range(1, pattern.groups + 1)]
        groups = [
            f"(?P<{names[number]}>{mark})" if number in names else f"({mark})"
            for number, mark in enumerate(marks, 1)
        ]
        # The first mark is in no group, so that the whole match can be told from its groups.
        whole = f"{_OPEN}0{_CLOSE}"
        model = re.fullmatch(whole + "".join(groups), whole + "".join(marks))
        assert model is not None
        text = model.expand(template).replace(model[0], whole)
        # Literals and numbers of groups take turns.
        self._parts = [
            int(part) if at % 2 else part for at, part in enumerate(_STANDS_FOR.split(text))
        ]

    def __call__(self, match: re.Match[str]) -> str:
        """The text for a match; a group that took no part is empty."""
        return "".join([part if type(part) is str else match[part] or "" for part in self._parts])
