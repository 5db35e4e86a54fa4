"""Understanding the ``middleware:`` list of a configuration; nothing is made here.

::

    middleware:
      - log: pipeline.middleware.logging.LoggingMiddleware
      - tag: {class: pipeline.middleware.tagger.TaggingMiddleware, consume_priority: -1}
      - project.middleware.SqlMiddleware     # of tasks or requests only
      - project.settings.MIDDLEWARE          # a list of such names, in its place
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from pipeline.config.names import resolve
from pipeline.config.positions import key_position, position
from pipeline.config.problems import Problems, described, suggestion
from pipeline.errors import ConfigError
from pipeline.middleware.families import Family, family_of

__all__ = ["PRIORITIES", "Entry", "entries_of"]

#: Where a message middleware stands in the two orders of a stack.
PRIORITIES = ("consume_priority", "publish_priority")
_KEYS = ("class", *PRIORITIES)


class Entry(NamedTuple):
    """One entry of the list, understood but not made yet.

    :param name: its name; the dotted name itself if it has no other.
    :param dotted: what it is.
    :param middleware: the class or factory.
    :param family: whose hooks it has.
    :param consume_priority: its place when messages are read; lower is first.
    :param publish_priority: its place when messages are sent.
    :param at: where it was written, or None.
    """

    name: str
    dotted: str
    middleware: Any
    family: Family
    consume_priority: int = 0
    publish_priority: int = 0
    at: str | None = None


def entries_of(config: Mapping[str, Any]) -> list[Entry]:
    """Understand the ``middleware:`` list; null or no list is an empty one.

    :raise ConfigError: an entry is wrong; :class:`ConfigErrors` when several are.
    """
    listed = config.get("middleware")
    if listed is None:
        return []
    if not isinstance(listed, list | tuple):
        what = f"middleware: expected a list, got {described(listed)}"
        raise ConfigError(what, at=position(config, ("middleware",)), hint="as [{name: a.Class}]")
    problems = Problems()
    entries = []
    for index, item in enumerate(listed):
        at = position(config, ("middleware", index))
        with problems.collecting():
            if isinstance(item, str):
                entries += _unnamed(item, at)
            else:
                entries.append(_entry(item, at))
    problems.raise_any()
    return entries


def _entry(item: Any, at: str | None) -> Entry:
    if not isinstance(item, Mapping) or len(item) != 1:
        names = f"{len(item)} keys" if isinstance(item, Mapping) else described(item)
        raise ConfigError(
            f"a middleware is a mapping of one name to its class, got {names}",
            at=at,
            hint="as {log: pipeline.middleware.logging.LoggingMiddleware}",
        )
    ((name, value),) = item.items()
    return _named(str(name), value, item, at)


def _unnamed(dotted: str, at: str | None) -> list[Entry]:
    """What a bare dotted name names: a middleware, or as in redis-tasks and Django a list."""
    found = resolve(dotted, at)
    if not isinstance(found, list | tuple):
        return [_without_options(dotted, found, at)]
    for each in found:
        if not isinstance(each, str):
            what = f"{dotted} must be a list of dotted names; {described(each)} in it is none"
            raise ConfigError(what, at=at)
    return [_without_options(each, resolve(each, at), at) for each in found]


def _without_options(dotted: str, middleware: Any, at: str | None) -> Entry:
    family = family_of(middleware, at)
    if family is Family.MESSAGE:
        raise ConfigError(
            f"{dotted} is message middleware and needs a name, by which it finds its options",
            at=at,
            hint=f"write {{{dotted.rpartition('.')[2].lower()}: {dotted}}}",
        )
    return Entry(dotted, dotted, middleware, family, at=at)


def _named(name: str, value: Any, item: Mapping[str, Any], at: str | None) -> Entry:
    at = key_position(item, name) or at
    if isinstance(value, str | type):
        spec: Mapping[str, Any] = {"class": value}
    elif isinstance(value, Mapping):
        spec = value
    else:
        what = f"middleware {name!r}: expected a dotted name or a mapping, got {described(value)}"
        raise ConfigError(what, at=at)
    _check_keys(name, spec, at)
    consume, publish = (_priority(name, spec, key, at) for key in PRIORITIES)
    given = spec["class"]
    at = position(spec, ("class",)) or at
    middleware = given if isinstance(given, type) else resolve(given, at)
    dotted = f"{given.__module__}.{given.__qualname__}" if isinstance(given, type) else given
    family = family_of(middleware, at)
    return Entry(name, dotted, middleware, family, consume, publish, at)


def _check_keys(name: str, spec: Mapping[str, Any], at: str | None) -> None:
    for key in spec:
        if key not in _KEYS:
            what = f"middleware {name!r}: there is no {key!r} here"
            hint = suggestion(str(key), _KEYS)
            raise ConfigError(what, at=key_position(spec, key) or at, hint=hint)
    if not isinstance(spec.get("class"), str | type):
        got = described(spec.get("class"))
        raise ConfigError(f"middleware {name!r}: class: expected a dotted name, got {got}", at=at)


def _priority(name: str, spec: Mapping[str, Any], key: str, at: str | None) -> int:
    value = spec.get(key, 0)
    if value is None:
        return 0
    with suppress(TypeError, ValueError):
        if isinstance(value, int | str) and not isinstance(value, bool):
            return int(value)
    what = f"middleware {name!r}: {key}: expected a whole number, got {described(value)}"
    raise ConfigError(what, at=position(spec, (key,)) or at)
