"""From the ``middleware:`` list of a configuration to the objects that do the work.

The form is Vumi's (0.6.19, ``vumi.middleware``); :mod:`pipeline.middleware.entries` has it. The
options of an entry are in the section of its name. All three families of middleware stand in the
one list; see :mod:`pipeline.middleware.families`. Everything that is wrong is a ConfigError, and
all of it is shown at once.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from twisted.internet.defer import Deferred

from pipeline.config.base import Config
from pipeline.config.positions import merged, position
from pipeline.config.problems import ConfigErrors, Problems, described, flattened
from pipeline.errors import ConfigError, MiddlewareNotUsed
from pipeline.middleware.entries import PRIORITIES, Entry, entries_of
from pipeline.middleware.families import Family
from pipeline.middleware.lifetime import set_up
from pipeline.middleware.order import misplaced
from pipeline.middleware.request import RequestMiddleware
from pipeline.middleware.task import TaskMiddleware

__all__ = [
    "LoadedMiddlewares",
    "Skipped",
    "create_middlewares_from_config",
    "setup_middlewares_from_config",
]


class Skipped(NamedTuple):
    """An entry that wanted to be left out, by raising MiddlewareNotUsed."""

    entry: Entry
    reason: str


class LoadedMiddlewares(list[Any]):
    """The message middlewares, as in Vumi, with the rest of the list beside them.

    :ivar entries: every entry, in order.
    :ivar task: the classes of task middleware, in order; of those with options the one for this
        worker.
    :ivar request: the request middleware, in order: instances of those with options, where the
        worker answers requests; classes and factories.
    :ivar made: every instance, in the order of the list.
    :ivar skipped: what is not used.
    """

    def __init__(self) -> None:
        super().__init__()
        self.entries: list[Entry] = []
        self.task: list[Any] = []
        self.request: list[Any] = []
        self.made: list[Any] = []
        self.skipped: list[Skipped] = []
        #: The instances of request middleware with options.
        self.by_entry: dict[Entry, Any] = {}

    @property
    def message(self) -> list[Any]:
        """The message middlewares; the same as the list itself."""
        return self


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
        with problems.collecting():
            _add(entry, config, worker, loaded)
    problems.add(*_unknown_options(loaded.entries, config))
    problems.add(*misplaced(loaded.entries, loaded.by_entry))
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
    await set_up(loaded.made)
    return loaded


def _add(entry: Entry, config: Mapping[str, Any], worker: Any, loaded: LoadedMiddlewares) -> None:
    """Make an entry, if it is made here and the worker has a use for it."""
    if entry.family is Family.MESSAGE:
        loaded += _made(entry, config, worker, loaded)
    elif entry.family is Family.TASK:
        has_options = _has_options(entry)
        loaded.task += _made(entry, config, worker, loaded) if has_options else [entry.middleware]
    elif not _has_options(entry):
        loaded.request.append(entry.middleware)
    elif getattr(worker, "answers_requests", True):
        made = _made(entry, config, worker, loaded)
        loaded.request += made
        loaded.by_entry.update((entry, each) for each in made)


def _has_options(entry: Entry) -> bool:
    with_options = (RequestMiddleware, TaskMiddleware)
    return isinstance(entry.middleware, type) and issubclass(entry.middleware, with_options)


def _made(
    entry: Entry, config: Mapping[str, Any], worker: Any, loaded: LoadedMiddlewares
) -> list[Any]:
    """The instance, of task middleware the class; none if it doesn't want to be used."""
    maker = entry.middleware
    if entry.family is Family.TASK:
        maker = maker.made_for
    _check_signature(entry, maker)
    priorities = {key: getattr(entry, key) for key in PRIORITIES}
    options = merged(_section(entry, config))
    if entry.family is Family.MESSAGE:
        options.update(priorities)
    try:
        made = maker(entry.name, options, worker)
    except MiddlewareNotUsed as error:
        loaded.skipped.append(Skipped(entry, str(error)))
        return []
    except ConfigError as error:
        raise _told(error, entry) from error
    _prioritise(made, priorities)
    loaded.made.append(made)
    return [made]


def _check_signature(entry: Entry, maker: Any) -> None:
    try:
        inspect.signature(maker).bind(entry.name, {}, None)
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
        takes = entry.family is Family.MESSAGE or _has_options(entry)
        if takes and isinstance(config.get(entry.name), Mapping):
            named.setdefault(entry.name, []).append(entry)
    for name, group in named.items():
        classes = [getattr(entry.middleware, "CONFIG_CLASS", None) for entry in group]
        options = [each for each in classes if isinstance(each, type) and issubclass(each, Config)]
        if len(options) < len(group):
            continue  # one reads its options by hand
        known = {field.name for each in options for field in each.fields()}
        for error in options[-1].unknown_keys(config[name], {*known, *PRIORITIES}):
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
