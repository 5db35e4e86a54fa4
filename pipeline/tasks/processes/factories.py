"""Task middleware on its way to a child: by its name, with its options."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Any

import msgspec

from pipeline.config.names import resolve
from pipeline.errors import ConfigError
from pipeline.middleware.task import TaskMiddleware
from pipeline.tasks.processes.asking import driven
from pipeline.tasks.processes.wire import Factory
from pipeline.threads import awaited

__all__ = ["WorkerElsewhere", "made", "named"]

_encode = msgspec.json.Encoder().encode


def named(factories: Iterable[Any]) -> list[Factory]:
    """What a child needs to know to make the same middleware.

    :raise ConfigError: one can't be found by its name.
    """
    return [_named(each) for each in factories]


def made(factory: Factory, worker: str) -> Any:
    """What makes the middleware, in a child; set up, if it has options.

    :param worker: the name of the worker.
    :raise ConfigError: it can't be found.
    :raise PermanentFailure: its setup waits for something.
    """
    found = resolve(factory.dotted)
    if not factory.options:
        return found
    options = msgspec.json.decode(factory.options)
    kind = found.made_for(factory.name, options, WorkerElsewhere(worker))
    set_up = kind.setup_middleware()
    if inspect.isawaitable(set_up):
        driven(awaited(set_up))
    return kind


class WorkerElsewhere:
    """Stands for the worker in its child processes, and has its name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __getattr__(self, attribute: str) -> Any:
        raise AttributeError(
            f"in a process for tasks, middleware has only the name of its worker, not {attribute!r}"
        )


def _named(factory: Any) -> Factory:
    if inspect.isclass(factory) and issubclass(factory, TaskMiddleware):
        # It was made for one entry of the configuration; what it was made from has the name.
        options = _encode(dict(factory.config._data))
        return Factory(_dotted(factory.__mro__[1]), factory.name, options)
    return Factory(_dotted(factory))


def _dotted(factory: Any) -> str:
    name = getattr(factory, "__qualname__", "")
    dotted = f"{getattr(factory, '__module__', '')}.{name}"
    if not name or "<" in name or resolve(dotted) is not factory:
        raise ConfigError(
            f"task middleware {factory!r} can't be found by its name in another process",
            hint="define it at the top of a module, for tasks with isolation 'process'",
        )
    return dotted
