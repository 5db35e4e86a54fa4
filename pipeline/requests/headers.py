"""Headers as HTTP has them: names in any case, each perhaps several times."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, MutableMapping

__all__ = ["Headers"]

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
#: What no value may have in it: it would end the header, and begin another.
_BREAKS = re.compile(r"[\r\n\0]")


class Headers(MutableMapping[str, str]):
    """Names and values in order. Reading by a name gives its values joined by commas.

    :param pairs: names and values, or a mapping.
    :raise ValueError: a name is none, or a value has a line break in it.
    """

    def __init__(self, pairs: Iterable[tuple[str, str]] | Mapping[str, str] = ()) -> None:
        self._pairs: list[tuple[str, str]] = []
        for name, value in pairs.items() if isinstance(pairs, Mapping) else pairs:
            self.add(name, value)

    def add(self, name: str, value: str) -> None:
        """Have one more of a name.

        :raise ValueError: it can't be a header.
        """
        if not _NAME.fullmatch(name):
            raise ValueError(f"a header can't be called {name!r}")
        if _BREAKS.search(value):
            raise ValueError(f"header {name}: a value can't have a line break in it")
        self._pairs.append((name, value))

    def get_all(self, name: str) -> list[str]:
        """All values of a name, in order."""
        wanted = name.lower()
        return [value for known, value in self._pairs if known.lower() == wanted]

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """All names and values, in order."""
        return list(self._pairs)

    def __getitem__(self, name: str) -> str:
        values = self.get_all(name)
        if not values:
            raise KeyError(name)
        return ", ".join(values)

    def __setitem__(self, name: str, value: str) -> None:
        Headers([(name, value)])  # refused before anything is taken away
        self._drop(name)
        self.add(name, value)

    def __delitem__(self, name: str) -> None:
        if name not in self:
            raise KeyError(name)
        self._drop(name)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and bool(self.get_all(name))

    def __iter__(self) -> Iterator[str]:
        return iter({name.lower(): name for name, _ in self._pairs}.values())

    def __len__(self) -> int:
        return len({name.lower() for name, _ in self._pairs})

    def __repr__(self) -> str:
        # Values may be secrets, as a cookie is.
        return f"<Headers {', '.join(self)}>"

    def _drop(self, name: str) -> None:
        wanted = name.lower()
        self._pairs = [pair for pair in self._pairs if pair[0].lower() != wanted]
