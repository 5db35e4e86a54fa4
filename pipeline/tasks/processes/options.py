"""How a pool of child processes is to be."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from pipeline.config.base import Config
from pipeline.config.fields import ConfigText
from pipeline.config.names import resolve
from pipeline.config.numbers import ConfigInt
from pipeline.config.quantities import ConfigSize
from pipeline.errors import ConfigError

__all__ = ["ProcessPoolOptions", "ProcessesConfig", "dotted_names"]


class ProcessesConfig(Config):
    """Options of who runs tasks in processes."""

    processes = ConfigInt(
        "How many processes run the tasks with isolation 'process'; by default one for each core.",
        minimum=1,
        static=True,
    )
    recycle_calls = ConfigInt(
        "After how many calls such a process is replaced; by default never.",
        minimum=1,
        static=True,
    )
    recycle_memory = ConfigSize(
        "With how much memory after a call such a process is replaced; by default with any.",
        static=True,
    )
    preload = ConfigText(
        "The dotted path of a function that each such process calls once, before the first call.",
        default="",
        static=True,
    )


@dataclass(frozen=True)
class ProcessPoolOptions:
    """How a pool is to be.

    :param tasks: dotted paths of tasks, or of modules with tasks.
    :param middleware: dotted paths of what makes task middleware, the outermost first.
    :param processes: how many children; None: as many as the machine has cores.
    :param recycle_calls: after how many calls a child is replaced; None: never.
    :param recycle_memory: with more than so many bytes of memory after a call it is; None: never.
    :param preload: the dotted path of a function that each child calls once; '' for none.
    """

    tasks: list[str]
    middleware: list[str] = field(default_factory=list)
    processes: int | None = None
    recycle_calls: int | None = None
    recycle_memory: int | None = None
    preload: str = ""

    @classmethod
    def of(cls, config: Any, middleware: list[str]) -> ProcessPoolOptions:
        """Those of a worker's configuration."""
        return cls(
            tasks=list(config.tasks),
            middleware=middleware,
            processes=config.processes,
            recycle_calls=config.recycle_calls,
            recycle_memory=config.recycle_memory,
            preload=config.preload,
        )


def dotted_names(factories: Iterable[Any]) -> list[str]:
    """The dotted paths under which another process finds what makes middleware.

    :raise ConfigError: one can't be found by its name.
    """
    return [_dotted(factory) for factory in factories]


def _dotted(factory: Any) -> str:
    name = getattr(factory, "__qualname__", "")
    dotted = f"{getattr(factory, '__module__', '')}.{name}"
    if not name or "<" in name or resolve(dotted) is not factory:
        raise ConfigError(
            f"task middleware {factory!r} can't be found by its name in another process",
            hint="define it at the top of a module, without options of its own, for tasks with"
            " isolation 'process'",
        )
    return dotted
