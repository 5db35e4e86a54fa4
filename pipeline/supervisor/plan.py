"""What a configuration asks of a supervisor: all that it knows of it."""

from __future__ import annotations

from typing import Any

import msgspec

from pipeline.errors import ConfigError
from pipeline.transports.binding import Binding

__all__ = ["Answer", "Asked", "Plan", "Problem"]


class Asked(msgspec.Struct, frozen=True):
    """What is to be run, as it stood on the command line.

    :param file: the YAML file.
    :param set_option: ``key:value`` each, over the file.
    :param workers: the names of workers; none for all.
    :param log_format: ``text`` or ``json``; None for what the file says.
    :param log_level: the lowest level that is logged; None for what the file says.
    """

    file: str
    set_option: tuple[str, ...] = ()
    workers: tuple[str, ...] = ()
    log_format: str | None = None
    log_level: str | None = None


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Which processes to run, and what they get.

    :param folder: where the data of a private server is; None for a temporary place, or when
        there is no private server.
    :param is_private: whether there is one.
    :param workers: the names of the workers that run in every process.
    :param single: of those that run in the first only.
    :param processes: how many.
    :param bindings: the description of an endpoint -> what is bound for it.
    :param max_memory: bytes; None: any.
    :param monitor: what the configuration says of that, checked; None: nothing.

    Times are in seconds and, as the rest, those of :class:`pipeline.config.SystemConfig` and its
    :class:`~pipeline.config.supervision.SupervisorConfig`.
    """

    namespace: str = ""
    folder: str | None = None
    is_private: bool = False
    workers: tuple[str, ...] = ()
    single: tuple[str, ...] = ()
    processes: int = 1
    bindings: dict[str, Binding] = {}
    stop_timeout: float = 30.0
    hung_after: float = 30.0
    start_timeout: float = 120.0
    max_memory: int | None = None
    monitor: dict[str, Any] | None = None
    log_format: str = "text"
    log_level: str = "info"

    def workers_of(self, number: int) -> tuple[str, ...]:
        """Which run in a process.

        :param number: the process', from 1.
        """
        return (*self.single, *self.workers) if number == 1 else self.workers

    def has_single(self, number: int) -> bool:
        """Whether something runs in a process that must not run twice."""
        return number == 1 and bool(self.single)


class Problem(msgspec.Struct, frozen=True):
    """A :exc:`~pipeline.errors.ConfigError`, on its way to another process."""

    what: str
    at: str | None = None
    hint: str | None = None

    @classmethod
    def of(cls, error: ConfigError) -> Problem:
        """What an error says."""
        return cls(error.what, error.at, error.hint)

    def error(self) -> ConfigError:
        """The error again."""
        return ConfigError(self.what, at=self.at, hint=self.hint)


class Answer(msgspec.Struct, frozen=True):
    """What came of reading a configuration: a plan, or all that is wrong."""

    plan: Plan | None = None
    problems: tuple[Problem, ...] = ()
