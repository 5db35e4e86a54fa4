"""What ``pipeline run --processes`` does: a supervisor in this terminal."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.service.running import System
    from pipeline.supervisor.bond import Bond

__all__ = ["in_its_place", "is_supervised", "is_wanted", "options", "supervise"]

#: Seconds for the last lines to be read.
LAST_WORDS = 2.0


def options(processes: int | None, max_memory: str | None) -> list[str]:
    """What the command line says of a supervisor, as options over the file."""
    given = {"processes": processes, "max_memory": max_memory}
    return [f"supervisor.{name}:{value}" for name, value in given.items() if value is not None]


def is_supervised() -> bool:
    """Whether this process is one of a supervisor."""
    # The name is that of pipeline.supervisor.bond, which takes a while to import.
    return "PIPELINE_SUPERVISED" in os.environ


def in_its_place(run: Callable[[Bond], int]) -> int:
    """Run as one of a supervisor's processes, which hears whether the configuration is wrong.

    :return: the exit status.
    """
    from pipeline.cli.report import print_error
    from pipeline.errors import ConfigError
    from pipeline.supervisor.bond import WRONG, Bond

    try:
        return run(Bond.found())
    except ConfigError as error:
        print_error(error)
        return WRONG


def is_wanted(file: str, set_option: Sequence[str]) -> bool:
    """Whether a configuration is to be run in several processes.

    What is wrong with it is for who reads it next to say.
    """
    from pipeline.config.problems import Problems
    from pipeline.config.system import load_system
    from pipeline.errors import ConfigError

    try:
        config = load_system(file, set_option, problems=Problems())
    except ConfigError:
        return False
    return config.supervisor.processes is not None


def supervise(args: argparse.Namespace) -> int:
    """Run until Ctrl-C or SIGTERM.

    :param args: of ``pipeline run``.
    :raise ConfigError: the configuration is wrong.
    """
    from twisted.internet import reactor

    from pipeline.cli.foreground import log_to, run_in_foreground
    from pipeline.observe.logs.begin import level_named
    from pipeline.supervisor.checker import Checker
    from pipeline.supervisor.output import Output
    from pipeline.supervisor.plan import Asked
    from pipeline.supervisor.service import Supervision

    asked = Asked(
        args.file,
        tuple(args.set_option),
        tuple(args.worker),
        log_format=args.log_format,
        log_level=args.log_level,
    )
    plan = Checker(asked).plan()
    output: Any = Output(sys.stderr)
    log_to(output, level_named(plan.log_level), form=plan.log_format)

    def made(failed: Callable[[str], None]) -> System:
        supervision = Supervision(asked, plan, reactor, output)
        supervision.reload_on_hangup()
        return supervision.system(failed)

    try:
        return run_in_foreground(made, reactor)
    finally:
        output.close(LAST_WORDS)
