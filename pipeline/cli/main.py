"""The command ``pipeline``; each subcommand is a module, loaded when it is asked for."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

from pipeline.cli.report import print_error

__all__ = ["main"]

#: Subcommand -> what it is for. The module of the same name beside this one has ``add_arguments``
#: and ``run``, which returns the exit status.
COMMANDS = {
    "new": "make a project to start from: an application, a task, a middleware, tests",
    "demo": "see the framework at work, with a server of its own unless PIPELINE_REDIS names one",
    "run": "run a configuration in the foreground",
    "check": "say everything that is wrong in a configuration, without starting it",
    "explain": "show what messages pass in each worker, in which order, and what may happen there",
    "trace": "try one message out, and see what each middleware makes of it",
    "hash": "hash a password, or make a token, for authentication",
    "status": "see workers and queues: who is alive, how much waits, how fast it goes",
    "queues": "look into queues, empty them, pause and resume them",
    "dead": "look at dead letters, put them back, mend them, throw them away",
    "tasks": "look at calls of tasks, cancel them, put them back, make one",
}

_EXAMPLES = """\
examples:
  pipeline demo                          the first thing to try; Ctrl-C ends it
  pipeline check config/demo.yaml        is this configuration right?
  pipeline run config/demo.yaml          run it here, log to this terminal
  pipeline run two.yaml --worker web     only one of its workers
  pipeline status two.yaml --watch       how it does
  twistd -n pipeline --config two.yaml   the same as a service
"""


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and end the process.

    The status is 0 when all went well, 1 when something failed, 2 for a wrong command line.
    """
    _open_what_is_closed()
    args = sys.argv[1:] if argv is None else list(argv)
    sys.exit(_run(args))


def _open_what_is_closed() -> None:
    """Give us somewhere to write to; else the next file or socket would have its number."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115  # it is never closed


def _run(args: list[str]) -> int:
    chosen: argparse.Namespace | None = None
    try:
        parser = _parser(args)
        chosen = parser.parse_args(args)
        if chosen.command is None:
            parser.print_help()
            return 2
        return int(import_module(f"pipeline.cli.{chosen.command}").run(chosen))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read our output has seen enough; Python would complain once more at its end.
        sys.stderr.close()
        return 1
    except Exception as error:  # the last stop before the person who typed it
        if chosen is not None and chosen.debug:
            raise
        print_error(error)
        return 1


def _parser(args: list[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pipeline",
        description="Messages through middleware over Redis, each settled exactly once.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    if "--version" in args:
        from importlib.metadata import version

        parser.add_argument(
            "--version", action="version", version=f"pipeline {version('txpipeline')}"
        )
    else:
        parser.add_argument("--version", action="store_true", help="print the version and end")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND")
    wanted = next((arg for arg in args if not arg.startswith("-")), None)
    for name, purpose in COMMANDS.items():
        sub = subparsers.add_parser(
            name,
            help=purpose,
            description=purpose[0].upper() + purpose[1:] + ".",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        sub.add_argument("--debug", action="store_true", help="show the traceback of an error")
        if name == wanted:
            import_module(f"pipeline.cli.{name}").add_arguments(sub)
    return parser
