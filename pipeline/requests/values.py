"""Names with values, of which a form or a query may have several for a name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import parse_qsl

from pipeline.errors import SuspiciousOperation

__all__ = ["Values"]

#: The most fields of a form or a query.
MOST = 1000


class Values(Mapping[str, str]):
    """A mapping that gives the last value of a name, and on request all of them.

    :param pairs: names and values, in order.
    """

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self._lists: dict[str, list[str]] = {}
        for name, value in pairs:
            self._lists.setdefault(name, []).append(value)

    @classmethod
    def parse(cls, text: str) -> Values:
        """Values from ``a=1&b=2``, percent-encoded UTF-8.

        :raise SuspiciousOperation: there are more than :data:`MOST`, or it isn't UTF-8.
        """
        try:
            return cls(
                parse_qsl(text, keep_blank_values=True, max_num_fields=MOST, errors="strict")
            )
        except ValueError as error:  # UnicodeDecodeError is one
            raise SuspiciousOperation(f"a form or query can't be read: {error}") from None

    def get_all(self, name: str) -> list[str]:
        """All values of a name, in order."""
        return list(self._lists.get(name, ()))

    def __getitem__(self, name: str) -> str:
        return self._lists[name][-1]

    def __iter__(self) -> Iterator[str]:
        return iter(self._lists)

    def __len__(self) -> int:
        return len(self._lists)

    def __repr__(self) -> str:
        return f"<Values {', '.join(self)}>"
