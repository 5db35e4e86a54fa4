"""How a pool of child processes is to be."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pipeline.config.base import Config
from pipeline.config.fields import ConfigText
from pipeline.config.numbers import ConfigInt
from pipeline.config.quantities import ConfigSize
from pipeline.tasks.processes.wire import Factory

__all__ = ["ProcessPoolOptions", "ProcessesConfig"]


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
    :param middleware: what makes task middleware, the outermost first.
    :param worker: the name of the worker.
    :param processes: how many children; None: as many as the machine has cores.
    :param recycle_calls: after how many calls a child is replaced; None: never.
    :param recycle_memory: with more than so many bytes of memory after a call it is; None: never.
    :param preload: the dotted path of a function that each child calls once; '' for none.
    """

    tasks: list[str]
    middleware: list[Factory] = field(default_factory=list)
    worker: str = ""
    processes: int | None = None
    recycle_calls: int | None = None
    recycle_memory: int | None = None
    preload: str = ""

    @classmethod
    def of(cls, config: Any, middleware: list[Factory], worker: str) -> ProcessPoolOptions:
        """Those of a worker's configuration."""
        return cls(
            tasks=list(config.tasks),
            middleware=middleware,
            worker=worker,
            processes=config.processes,
            recycle_calls=config.recycle_calls,
            recycle_memory=config.recycle_memory,
            preload=config.preload,
        )
