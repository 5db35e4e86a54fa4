"""A child process of a worker, which runs tasks: ``python -m pipeline.tasks.processes.child PID``.

It has no reactor, blocks, and talks with its worker over the pipes that it was started with.
"""

from __future__ import annotations

import faulthandler
import os
import sys
from typing import Any

from pipeline.config.names import resolve
from pipeline.errors import ConfigError
from pipeline.tasks.collecting import collect
from pipeline.tasks.middleware import TaskStack
from pipeline.tasks.processes import life
from pipeline.tasks.processes.channel import Channel
from pipeline.tasks.processes.factories import made
from pipeline.tasks.processes.interruption import Interruption
from pipeline.tasks.processes.performing import Performing
from pipeline.tasks.processes.problems import problem_of
from pipeline.tasks.processes.speech import Speech
from pipeline.tasks.processes.wire import CALLS, REPORTS, Call, Ready, Setup, Unready
from pipeline.tasks.registry import Task

__all__ = ["main"]


def main() -> None:
    """Be a child of the process with the id in the arguments, until it ends or says so."""
    life.bind_to(int(sys.argv[1]))
    faulthandler.enable()
    interruption = Interruption()
    interruption.install()
    channel = Channel(CALLS, REPORTS, interruption)
    speech = Speech(channel)
    speech.install()
    life.listen(interruption)
    performing = _set_up(channel, interruption)
    speech.end()
    channel.report(Ready())
    while (asked := channel.next_call()) is not None:
        _serve(asked, channel, speech, performing)


def _serve(asked: Call, channel: Channel, speech: Speech, performing: Performing) -> None:
    speech.begin(asked.number)
    outcome = performing.perform(asked)
    speech.end()
    channel.report(outcome)


def _set_up(channel: Channel, interruption: Interruption) -> Performing:
    """Import and make what calls need.

    :raise SystemExit: that failed, which was reported.
    """
    setup = channel.next_call()
    if setup is None:
        raise SystemExit(0)
    try:
        _set_environment(setup.environment)
        tasks = _tasks(setup)
        stack = TaskStack([made(each, setup.worker) for each in setup.middleware])
        for factory in stack.factories:
            factory()
        _preload(setup.preload)
    except BaseException as error:  # noqa: BLE001  # the worker is told, whatever it is
        channel.report(Unready(problem_of(error, setup.preload or "importing the tasks")))
        raise SystemExit(1) from None
    memory = life.memory() if setup.is_measured else int
    return Performing(channel, interruption, tasks, stack, memory)


def _set_environment(variables: dict[str, str | None]) -> None:
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _tasks(setup: Setup) -> dict[str, Task[Any, Any]]:
    return {each.name: each for dotted in setup.tasks for each in collect(dotted)}


def _preload(dotted: str) -> None:
    if not dotted:
        return
    function = resolve(dotted)
    if not callable(function):
        raise ConfigError(f"preload: {dotted} is no function")
    function()


if __name__ == "__main__":
    main()
