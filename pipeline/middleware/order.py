"""What must stand before what in the list, as the classes themselves say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from pipeline.errors import ConfigError
from pipeline.middleware.entries import Entry

__all__ = ["misplaced"]


def misplaced(
    entries: Sequence[Entry], made: Mapping[Entry, Any] = MappingProxyType({})
) -> Iterator[ConfigError]:
    """Say which entries stand in the wrong place, and where they should.

    A class's ``NEEDS``, ``NEEDS_BELOW``, ``AFTER`` and ``BEFORE`` name classes; those that derive
    from one count as well.

    :param made: what is made already, which may need less than its class.
    """
    for index, entry in enumerate(entries):
        before, behind = entries[:index], entries[index + 1 :]
        needed = _needed(entry, made)
        if needed and _first(before, needed) is None:
            late = _first(behind, needed)
            yield _missing(entry, needed) if late is None else _late(entry, late)
        for name in getattr(entry.middleware, "AFTER", ()):
            late = _first(behind, (name,))
            if late is not None and _first(before, (name,)) is None:
                yield _late(entry, late)
        below = getattr(entry.middleware, "NEEDS_BELOW", ())
        if below and _first((*before, *behind), below) is None:
            yield _missing_below(entry, below)
        for name in getattr(entry.middleware, "BEFORE", ()):
            early = _first(before, (name,))
            if early is not None:
                yield _early(entry, early)


def _needed(entry: Entry, made: Mapping[Entry, Any]) -> tuple[str, ...]:
    if isinstance(entry.middleware, type) and entry in made:
        return tuple(made[entry].needs)
    return tuple(getattr(entry.middleware, "NEEDS", ()))


def _first(entries: Iterable[Entry], names: Iterable[str]) -> Entry | None:
    wanted = set(names)
    return next((entry for entry in entries if wanted & _names_of(entry)), None)


def _names_of(entry: Entry) -> set[str]:
    middleware = entry.middleware
    if isinstance(middleware, type):
        return {base.__name__ for base in middleware.__mro__}
    return {getattr(middleware, "__name__", "")}


def _late(entry: Entry, late: Entry) -> ConfigError:
    where = f" ({late.at})" if late.at else ""
    return ConfigError(
        f"middleware {entry.name!r} stands before {late.name!r}, whose work it needs",
        at=entry.at,
        hint=f"move it below {late.name!r}{where}",
    )


def _early(entry: Entry, early: Entry) -> ConfigError:
    where = f" ({early.at})" if early.at else ""
    return ConfigError(
        f"middleware {entry.name!r} stands after {early.name!r}, whose work it must see",
        at=entry.at,
        hint=f"move it above {early.name!r}{where}",
    )


def _missing(entry: Entry, needed: Sequence[str]) -> ConfigError:
    return ConfigError(
        f"middleware {entry.name!r} needs {' or '.join(needed)} before it in the list",
        at=entry.at,
        hint="add it above this line",
    )


def _missing_below(entry: Entry, needed: Sequence[str]) -> ConfigError:
    return ConfigError(
        f"middleware {entry.name!r} does nothing without {' or '.join(needed)} behind it",
        at=entry.at,
        hint="add it below this line",
    )
