"""From the ``middleware:`` list of a configuration to the objects that do the work.

The form is Vumi's (0.6.19, ``vumi.middleware``)::

    middleware:
      - log: pipeline.middleware.logging.LoggingMiddleware
      - tag: {class: pipeline.middleware.tagging.TaggingMiddleware, consume_priority: -1}
      - project.middleware.SqlMiddleware     # of tasks or requests only
      - project.settings.MIDDLEWARE          # a list of such names, in its place
    log: {log_level: debug}

The options of an entry are in the section of its name. All three families of middleware stand in
the one list; see :mod:`pipeline.middleware.families`. Everything that is wrong is a ConfigError,
and all of it is shown at once.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from twisted.internet.defer import Deferred

from pipeline.config.base import Config
from pipeline.config.names import resolve
from pipeline.config.positions import key_position, merged, position
from pipeline.config.problems import ConfigErrors, Problems, described, flattened, suggestion
from pipeline.errors import ConfigError, MiddlewareNotUsed
from pipeline.middleware.families import Family, family_of
from pipeline.middleware.lifetime import set_up

__all__ = [
    "Entry",
    "LoadedMiddlewares",
    "Skipped",
    "create_middlewares_from_config",
    "entries_of",
    "setup_middlewares_from_config",
]

_PRIORITIES = ("consume_priority", "publish_priority")
_KEYS = ("class", *_PRIORITIES)


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


class Skipped(NamedTuple):
    """An entry that wanted to be left out, by raising MiddlewareNotUsed."""

    entry: Entry
    reason: str


class LoadedMiddlewares(list[Any]):
    """The message middlewares, as in Vumi, with the rest of the list beside them.

    :ivar entries: every entry, in order.
    :ivar task: the classes of task middleware, in order.
    :ivar request: the classes and factories of request middleware, in order.
    :ivar skipped: the message middlewares that are not used.
    """

    def __init__(self) -> None:
        super().__init__()
        self.entries: list[Entry] = []
        self.skipped: list[Skipped] = []

    @property
    def message(self) -> list[Any]:
        """The message middlewares; the same as the list itself."""
        return self

    @property
    def task(self) -> list[Any]:
        """The classes of task middleware, in order."""
        return self._of(Family.TASK)

    @property
    def request(self) -> list[Any]:
        """The classes and factories of request middleware, in order."""
        return self._of(Family.REQUEST)

    def _of(self, family: Family) -> list[Any]:
        return [entry.middleware for entry in self.entries if entry.family is family]


def create_middlewares_from_config(worker: Any, config: Mapping[str, Any]) -> LoadedMiddlewares:
    """Make the middlewares that a worker's configuration lists; sets none of them up.

    :param worker: given to each.
    :param config: the worker's configuration; it isn't changed. (Vumi writes priorities into it.)
    :raise ConfigError: entries are wrong, a class refused its options, or doesn't know one.
    """
    loaded = LoadedMiddlewares()
    loaded.entries = entries_of(config)
    problems = Problems()
    for entry in loaded.entries:
        if entry.family is Family.MESSAGE:
            with problems.collecting():
                _make(entry, config, worker, loaded)
    problems.add(*_unknown_options(loaded.entries, config))
    problems.raise_any()
    return loaded


def setup_middlewares_from_config(
    worker: Any, config: Mapping[str, Any]
) -> Deferred[LoadedMiddlewares]:
    """Make the middlewares and set them up, one after another.

    :return: a Deferred; if one fails, those before it are torn down and it fails with the error.
    """
    return Deferred.fromCoroutine(_created_and_set_up(worker, config))


async def _created_and_set_up(worker: Any, config: Mapping[str, Any]) -> LoadedMiddlewares:
    loaded = create_middlewares_from_config(worker, config)
    await set_up(loaded)
    return loaded


def entries_of(config: Mapping[str, Any]) -> list[Entry]:
    """Understand the ``middleware:`` list; null or no list is an empty one.

    :raise ConfigError: see :func:`create_middlewares_from_config`.
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
    consume, publish = (_priority(name, spec, key, at) for key in _PRIORITIES)
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


def _make(entry: Entry, config: Mapping[str, Any], worker: Any, loaded: LoadedMiddlewares) -> None:
    _check_signature(entry)
    priorities = {key: getattr(entry, key) for key in _PRIORITIES}
    options = merged(_section(entry, config))
    options.update(priorities)
    try:
        made = entry.middleware(entry.name, options, worker)
    except MiddlewareNotUsed as error:
        loaded.skipped.append(Skipped(entry, str(error)))
    except ConfigError as error:
        raise _told(error, entry) from error
    else:
        _prioritise(made, priorities)
        loaded.append(made)


def _check_signature(entry: Entry) -> None:
    try:
        inspect.signature(entry.middleware).bind(entry.name, {}, None)
    except TypeError as error:
        what = f"middleware {entry.name!r}: {entry.dotted} must take (name, config, worker)"
        hint = "derive it from pipeline.middleware.BaseMiddleware"
        raise ConfigError(what, at=entry.at, hint=hint) from error
    except ValueError:
        return  # a class that tells nothing of its signature: calling it will show


def _section(entry: Entry, config: Mapping[str, Any]) -> Mapping[str, Any]:
    section = config.get(entry.name)
    if section is None:
        return {}
    if isinstance(section, Mapping):
        return section
    what = f"{entry.name}: expected a mapping of options for the middleware, got "
    raise ConfigError(what + described(section), at=position(config, (entry.name,)))


def _unknown_options(entries: Iterable[Entry], config: Mapping[str, Any]) -> Iterator[ConfigError]:
    """What is in the sections and no option of who has that name; there may be several."""
    named: dict[str, list[Entry]] = {}
    for entry in entries:
        if entry.family is Family.MESSAGE and isinstance(config.get(entry.name), Mapping):
            named.setdefault(entry.name, []).append(entry)
    for name, group in named.items():
        classes = [getattr(entry.middleware, "CONFIG_CLASS", None) for entry in group]
        options = [each for each in classes if isinstance(each, type) and issubclass(each, Config)]
        if len(options) < len(group):
            continue  # one reads its options by hand
        known = {field.name for each in options for field in each.fields()}
        for error in options[-1].unknown_keys(config[name], {*known, *_PRIORITIES}):
            yield _told(error, group[-1])


def _told(error: ConfigError, entry: Entry) -> ConfigError:
    """The same errors, with the middleware's name and a position each."""
    told = [
        ConfigError(
            f"middleware {entry.name!r}: {each.what}", at=each.at or entry.at, hint=each.hint
        )
        for each in flattened(error)
    ]
    return told[0] if len(told) == 1 else ConfigErrors(told)


def _prioritise(made: Any, priorities: Mapping[str, int]) -> None:
    """Give a middleware without the base class what the base class would have set."""
    for key, value in priorities.items():
        if not hasattr(made, key):
            setattr(made, key, value)
