"""Tags of languages, as ``de`` or ``pt-BR``, and which of those that are spoken to choose."""

from __future__ import annotations

import re
from collections.abc import Iterable

from pipeline.middleware.weights import weights

__all__ = ["Languages", "is_tag"]

_TAG = re.compile(r"[a-z]{2,8}(-[a-z0-9]{1,8}){0,3}", re.IGNORECASE | re.ASCII)


def is_tag(text: str) -> bool:
    """Whether a text may be the tag of a language."""
    return _TAG.fullmatch(text) is not None


class Languages:
    """The languages that an application speaks.

    :param tags: their tags.
    """

    def __init__(self, tags: Iterable[str]) -> None:
        self._exact = {tag.lower(): tag for tag in tags}
        self._by_root: dict[str, str] = {}
        for tag in self._exact.values():
            self._by_root.setdefault(tag.lower().partition("-")[0], tag)

    def exactly(self, text: str) -> str | None:
        """The language with this tag, in any case of its letters."""
        return self._exact.get(text.lower())

    def nearest(self, text: object) -> str | None:
        """The language that somebody understands who asks for this one.

        ``de-AT`` finds ``de``, and ``pt`` finds ``pt-BR``, unless there is something nearer.
        """
        if not isinstance(text, str) or not is_tag(wanted := text.replace("_", "-").lower()):
            return None
        root = wanted
        while root:
            if root in self._exact:
                return self._exact[root]
            root = root.rpartition("-")[0]
        return self._by_root.get(wanted.partition("-")[0])

    def accepted(self, header: str) -> str | None:
        """The best language for a header ``Accept-Language``."""
        for name, weight in weights(header).items():
            found = self.nearest(name) if weight else None
            if found is not None:
                return found
        return None
