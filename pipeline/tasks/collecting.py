"""Tasks by the dotted path of what they are in, as a configuration lists them."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from pipeline.config.names import resolve
from pipeline.errors import ConfigError
from pipeline.tasks.registry import Task

__all__ = ["collect"]


def collect(dotted: str | Task[Any, Any], at: str | None = None) -> list[Task[Any, Any]]:
    """Get the tasks that a dotted path names.

    :param dotted: one task, as ``shop.mail.send_mail``, or a module, for all tasks in it, also
        those that it imports. Or a task itself, as a test lists it.
    :param at: where the path was written, for errors.
    :raise ConfigError: there is no such thing, or there is no task in it.
    """
    found = dotted if isinstance(dotted, Task) else resolve(dotted, at)
    if isinstance(found, Task):
        return [found]
    if not isinstance(found, ModuleType):
        raise ConfigError(f"{dotted!r} is not a task", at=at, hint="decorate it with @task")
    tasks = {id(each): each for each in vars(found).values() if isinstance(each, Task)}
    if not tasks:
        raise ConfigError(
            f"module {dotted!r} has no task", at=at, hint="decorate its functions with @task"
        )
    return list(tasks.values())
