"""A whole system and its workers, as values; :mod:`pipeline.config.system` reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any, TypeVar

from pipeline.config.base import Config
from pipeline.config.positions import Path, position
from pipeline.config.problems import Problems
from pipeline.config.settings import LintConfig, NamespaceConfig, RetryConfig
from pipeline.config.source import Document
from pipeline.config.supervision import SupervisorConfig

__all__ = ["SystemConfig", "WorkerSpec", "checked", "listed_names"]

C = TypeVar("C", bound=Config)

_DEFAULT = NamespaceConfig()


@dataclass(frozen=True)
class WorkerSpec:
    """One worker, as the configuration has it.

    :param name: its name in the namespace.
    :param class_name: the dotted name of its class.
    :param config: its options, its ``middleware`` list and a section for each middleware that
        has options. Usually a :class:`~pipeline.config.positions.Section`, so that errors know
        where they are.
    :param class_at: where the class is named, as ``demo.yaml:7:14``.
    """

    name: str
    class_name: str
    config: Mapping[str, Any] = field(default_factory=dict)
    class_at: str | None = None

    def at(self, path: Path = ()) -> str | None:
        """Say where an option is written, or the nearest thing around it."""
        return position(self.config, path)

    @property
    def middleware_names(self) -> tuple[str, ...]:
        """The names in the ``middleware`` list, each of which may have a section."""
        return listed_names(self.config.get("middleware"))


@dataclass(frozen=True)
class SystemConfig:
    """A namespace and its workers; the defaults are :class:`NamespaceConfig`'s.

    :param workers: the workers; none for a client that only sends.
    :param folder: the configuration file's folder, absolute, from which a service imports; None
        when there is no file.

    The other parameters are :class:`NamespaceConfig`'s options; times are in seconds.
    """

    namespace: str = _DEFAULT.namespace
    redis: str = _DEFAULT.redis
    codec: str = _DEFAULT.codec
    partitions: int = _DEFAULT.partitions
    debug: bool = _DEFAULT.debug
    max_in_flight: int = _DEFAULT.max_in_flight
    retry: RetryConfig = _DEFAULT.retry
    dead_after: float = _DEFAULT.dead_after
    dead_letter_retention: float | None = _DEFAULT.dead_letter_retention
    stuck_after: float = _DEFAULT.stuck_after
    keep_task_states: float = _DEFAULT.keep_task_states
    log_format: str = _DEFAULT.log_format
    log_level: str = _DEFAULT.log_level
    lint: LintConfig = _DEFAULT.lint
    tracing: bool = _DEFAULT.tracing
    stop_timeout: float = _DEFAULT.stop_timeout
    monitor: Mapping[str, Any] | None = _DEFAULT.monitor
    supervisor: SupervisorConfig = _DEFAULT.supervisor
    workers: tuple[WorkerSpec, ...] = ()
    folder: FilePath | None = None

    @classmethod
    def of(
        cls,
        settings: NamespaceConfig,
        workers: tuple[WorkerSpec, ...] = (),
        folder: FilePath | None = None,
    ) -> SystemConfig:
        """Make one of options that are already checked."""
        values = {each.name: getattr(settings, each.name) for each in settings.fields()}
        return cls(**values, workers=workers, folder=folder)


def listed_names(middleware: Any) -> tuple[str, ...]:
    """Give the names in a ``middleware`` list; entries that have none are passed over."""
    entries = middleware if isinstance(middleware, list) else []
    return tuple(str(name) for each in entries if isinstance(each, Mapping) for name in each)


def checked(config_class: type[C], document: Document, path: Path = (), static: bool = False) -> C:
    """Make a config of a part of a document, and refuse keys that it doesn't know.

    :param config_class: the options that are expected.
    :param document: the file.
    :param path: where in it they are; nothing there is the same as an empty mapping.
    :param static: as for :class:`~pipeline.config.base.Config`.
    :raises ConfigError: something is wrong, said with its position;
        :class:`~pipeline.config.problems.ConfigErrors` when several things are.
    """
    data = document.get(path)
    problems = Problems()
    if isinstance(data, Mapping):
        problems.add(*config_class.unknown_keys(data))
    with problems.collecting():
        made = config_class(data, static)
    for error in problems.errors:
        error.at = error.at or document.at(path)
    problems.raise_any()
    return made
