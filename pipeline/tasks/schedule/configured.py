"""A schedule in the configuration."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pipeline.config.base import Config
from pipeline.config.fields import (
    ConfigBool,
    ConfigChoice,
    ConfigDict,
    ConfigField,
    ConfigList,
    ConfigText,
)
from pipeline.config.positions import position
from pipeline.config.problems import Problems, described, flattened, suggestion
from pipeline.config.quantities import ConfigDuration
from pipeline.errors import ConfigError
from pipeline.tasks.schedule.cron import cron, once_per_day, zone_of
from pipeline.tasks.schedule.entry import CATCH_UP, MISSED, PATIENCE, Entry
from pipeline.tasks.schedule.every import every
from pipeline.tasks.schedule.when import When

if TYPE_CHECKING:
    from pipeline.tasks.registry import Task

__all__ = ["ConfigSchedule", "EntryConfig", "entries_of", "kept_elsewhere"]

#: The options of which an entry has one.
_RHYTHMS = ("cron", "every", "once_per_day")


class EntryConfig(Config):
    """Options of an entry of a schedule."""

    task = ConfigText("The name of the task, which must be one of this worker's.", required=True)
    cron = ConfigText(
        "A line as of a crontab: minute, hour, day of the month, month, day of the week; or"
        " `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`."
    )
    every = ConfigDuration(
        "An interval of at least a second. Slots are multiples of it since 1970 in UTC, if"
        " `start_at` says nothing else."
    )
    once_per_day = ConfigText('A time of the day, as `"4:05"`.')
    timezone = ConfigText("Whose clock `cron` and `once_per_day` go by.", default="UTC")
    start_at = ConfigText("The first slot of `every`, as `2026-01-01T00:00:00Z`.")
    args = ConfigList("Positional arguments of the call.", default=[])
    kwargs = ConfigDict("Named arguments of the call.", default={})
    singleton = ConfigBool(
        "Whether a slot is left out while the call of an earlier one is queued, waits to be tried"
        " again, or runs.",
        default=True,
    )
    missed = ConfigChoice(
        "What becomes of slots that came while no worker was there: nothing, the last one is"
        " called, or each is (which needs `singleton: false`).",
        default="last",
        values=MISSED,
    )
    catch_up = ConfigDuration(
        "How far back missed slots are called; at most 31 days.", default=CATCH_UP
    )
    patience = ConfigDuration(
        "After how long a call that has not ended holds up the next one no longer.",
        default=PATIENCE,
    )

    def post_validate(self) -> None:
        """Find out whether the rhythm is right."""
        given = self._rhythms()
        if len(given) != 1:
            got = " and ".join(given) or "none of them"
            self.raise_config_error(f"expected one of {', '.join(_RHYTHMS)}, got {got}")
        if self.start_at is not None and given != ["every"]:
            self.raise_config_error("start_at is for 'every' only", "start_at")
        if self._data.get("timezone") is not None and given == ["every"]:
            self.raise_config_error("'every' has no timezone, but may have start_at", "timezone")
        with self.within("timezone"):
            zone_of(self.timezone)
        with self.within("start_at" if self.start_at is not None else given[0]):
            self.when()

    def when(self) -> When:
        """The rhythm.

        :raise ConfigError: it is wrong.
        """
        [rhythm] = self._rhythms()
        if rhythm == "cron":
            return cron(self.cron, self.timezone)
        if rhythm == "once_per_day":
            return once_per_day(self.once_per_day, self.timezone)
        start_at = None if self.start_at is None else _date(self.start_at)
        return every(self.every, start_at=start_at)

    def entry(self, name: str, tasks: Mapping[str, Task[Any, Any]]) -> Entry:
        """The entry.

        :param tasks: those of the worker, by name.
        :raise ConfigError: there is no such task, or the call doesn't fit it.
        """
        task = tasks.get(self.task)
        if task is None:
            what = f"schedule {name!r}: this worker has no task {self.task!r}"
            at = position(self._data, ("task",))
            raise ConfigError(what, at=at, hint=suggestion(self.task, tasks))
        return Entry(
            name,
            task,
            self.when(),
            self.args,
            self.kwargs,
            singleton=self.singleton,
            missed=self.missed,
            catch_up=self.catch_up,
            patience=self.patience,
        )

    @property
    def at(self) -> str | None:
        """Where it is written."""
        return position(self._data)

    def _rhythms(self) -> list[str]:
        return [name for name in _RHYTHMS if getattr(self, name) is not None]

    @contextmanager
    def within(self, *option: str) -> Iterator[None]:
        """Say of an error where the option is written, or else the entry, unless it says so."""
        try:
            yield
        except ConfigError as error:
            at = error.at or position(self._data, option)
            raise ConfigError(error.what, at=at, hint=error.hint) from None


class ConfigSchedule(ConfigField[dict[str, EntryConfig]]):
    """Entries of a schedule, by their names."""

    kind = "mapping of entries"

    def clean(self, value: Any) -> dict[str, EntryConfig]:
        """:raises ConfigError: not a mapping, or an entry is wrong."""
        if not isinstance(value, Mapping):
            raise self._expected("a mapping", value, "as {nightly: {task: .., cron: ..}}")
        problems = Problems()
        made: dict[str, EntryConfig] = {}
        for name, given in value.items():
            try:
                made[name] = _entry(given)
            except ConfigError as error:
                for each in flattened(error):
                    at = each.at or position(value, (name,))
                    problems.add(ConfigError(f"{name}: {each.what}", at=at, hint=each.hint))
        problems.raise_any()
        return made


def entries_of(
    configured: Mapping[str, EntryConfig], tasks: Mapping[str, Task[Any, Any]], connector: str
) -> list[Entry]:
    """The entries that a worker keeps: those of its configuration, and those of its tasks.

    Those of a task that is sent to another connector are kept by who serves that.

    :param configured: the option.
    :param tasks: the tasks of the worker, by name.
    :param connector: the one that it serves.
    :raise ConfigError: a task is missing, a call doesn't fit, a task of the configuration is sent
        elsewhere, or two entries have one name.
    """
    problems = Problems()
    entries: dict[str, Entry] = {}
    for name, given in configured.items():
        with problems.collecting(), given.within():
            entries[name] = _served(given.entry(name, tasks), connector)
    for task in tasks.values():
        for entry in task.schedules if task.queue == connector else ():
            with problems.collecting():
                entry.check_values()
                _add(entries, entry, configured)
    problems.raise_any()
    return list(entries.values())


def kept_elsewhere(tasks: Iterable[Task[Any, Any]], connector: str) -> list[str]:
    """Names of tasks with a schedule in the code that a worker has, but does not keep.

    :param connector: the one that it serves.
    """
    return [task.name for task in tasks if task.schedules and task.queue != connector]


def _served(entry: Entry, connector: str) -> Entry:
    if entry.task.queue == connector:
        entry.check_values()
        return entry
    raise ConfigError(
        f"schedule {entry.name!r}: calls of {entry.task.name} go to {entry.task.queue!r}, but this"
        f" worker serves {connector!r}",
        hint=f"@task(queue={connector!r}), or put it into the schedule of a worker that serves"
        f" {entry.task.queue!r}",
    )


def _add(entries: dict[str, Entry], entry: Entry, configured: Mapping[str, EntryConfig]) -> None:
    if entries.setdefault(entry.name, entry) is entry:
        return
    known = configured.get(entry.name)
    raise ConfigError(
        f"schedule: two entries are called {entry.name!r}; one is of task {entry.task.name}",
        at=None if known is None else known.at,
        hint="give one another name",
    )


def _entry(given: Any) -> EntryConfig:
    if not isinstance(given, Mapping):
        raise ConfigError(f"expected a mapping, got {described(given)}")
    problems = Problems()
    problems.add(*EntryConfig.unknown_keys(given))
    made = None
    with problems.collecting():
        made = EntryConfig(given)
    problems.raise_any()
    assert made is not None
    return made


def _date(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(
            f"start_at: expected a date and time, got {text!r}", hint="as 2026-01-01T00:00:00Z"
        ) from None
