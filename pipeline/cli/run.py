"""``pipeline run FILE``: the workers of a configuration, in this terminal."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from pipeline.cli import supervising

if TYPE_CHECKING:
    from pipeline.service.burst import Burst
    from pipeline.service.running import System
    from pipeline.supervisor.bond import Bond

__all__ = ["add_arguments", "add_log_options", "add_set_option", "run", "span_of"]

_EXAMPLES = """\
examples:
  pipeline run config/demo.yaml
  pipeline run config/two-process.yaml --worker web
  pipeline run config/demo.yaml --set-option redis:redis://localhost
  pipeline run config/demo.yaml --set-option workers.web.listen:tcp:8081
  pipeline run shop.yaml --log-format json 2>> shop.log
  pipeline run shop.yaml --worker work --burst      do what is there, then end
  pipeline run shop.yaml --processes 2              under a supervisor; SIGHUP reloads it

With --burst the status is 1 if a message became a dead letter.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the subcommand takes."""
    parser.epilog = _EXAMPLES
    parser.add_argument("file", metavar="FILE", help="the YAML file")
    parser.add_argument(
        "--worker",
        action="append",
        default=[],
        metavar="NAME",
        help="run only this worker; may be given again",
    )
    parser.add_argument(
        "--burst",
        action="store_true",
        help="end when the queues that the workers read are empty, and say how much was done",
    )
    parser.add_argument(
        "--burst-wait",
        type=span_of,
        metavar="5s",
        default=0.0,
        help="with --burst: how long to wait for what is delayed, as retries (0)",
    )
    add_log_options(parser)
    parser.add_argument(
        "--processes",
        type=int,
        metavar="N",
        help="run in so many processes, kept by a supervisor; as supervisor.processes of the file",
    )
    parser.add_argument(
        "--max-memory",
        metavar="300M",
        help="under a supervisor: replace a process that has more; as supervisor.max_memory",
    )
    add_set_option(parser)


def add_log_options(parser: argparse.ArgumentParser) -> None:
    """Take ``--log-format`` and ``--log-level``, which go before the file's options."""
    parser.add_argument(
        "--log-format",
        choices=["text", "json"],
        metavar="FORMAT",
        help="text for people, or json; else as the file's log_format says (text)",
    )
    parser.add_argument(
        "--log-level",
        choices=["debug", "info", "warn", "error", "critical"],
        metavar="LEVEL",
        help="the lowest level that is logged; else as the file's log_level says (info)",
    )


def span_of(text: str) -> float:
    """A span of time, as of an option: ``5s``, ``2m``.

    :raise argparse.ArgumentTypeError: it is none.
    """
    from pipeline.config.quantities import parse_duration
    from pipeline.errors import ConfigError

    try:
        return parse_duration(text)
    except ConfigError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def add_set_option(parser: argparse.ArgumentParser) -> None:
    """Take ``--set-option``, as twistd's plugin does."""
    parser.add_argument(
        "--set-option",
        action="append",
        default=[],
        metavar="KEY:VALUE",
        help="set an option over the file; dots in the key reach into sections",
    )


def run(args: argparse.Namespace) -> int:
    """Run until Ctrl-C or SIGTERM, which end it in good order with status 0."""
    problem = _misused(args)
    if problem is not None:
        print(f"pipeline: {problem}", file=sys.stderr)
        return 2
    if supervising.is_supervised():
        return supervising.in_its_place(lambda bond: _run(args, bond))
    if not args.burst:
        args.set_option = args.set_option + supervising.options(args.processes, args.max_memory)
        if args.processes is not None or supervising.is_wanted(args.file, args.set_option):
            return supervising.supervise(args)
    if args.max_memory:
        print("pipeline: --max-memory is for a supervisor: say --processes, too", file=sys.stderr)
        return 2
    return _run(args)


def _misused(args: argparse.Namespace) -> str | None:
    """What is wrong with the command line; None if nothing is."""
    if args.burst_wait and not args.burst:
        return "--burst-wait is for --burst"
    if args.burst and (args.processes or args.max_memory):
        return "--burst is for one process: leave out --processes and --max-memory"
    return None


def _run(args: argparse.Namespace, bond: Bond | None = None) -> int:
    from twisted.internet import reactor

    from pipeline.cli.bar import Bar
    from pipeline.cli.foreground import log_to, run_in_foreground
    from pipeline.observe.logs.begin import level_named
    from pipeline.service.build import build, load
    from pipeline.service.burst import Burst
    from pipeline.service.process import stop

    config = load(args.file, args.set_option)
    bar = Bar(sys.stderr, reactor)
    level = level_named(args.log_level or config.log_level)
    log_to(sys.stderr, level, bar.clear, args.log_format or config.log_format)
    bursts: list[Burst] = []

    def made(failed: Callable[[str], None]) -> System:
        done = None if bond is None else bond.done
        system = build(config, reactor, only=args.worker, failed=failed, done=done)
        bar.watch(system)
        if bond is not None:
            bond.tie(system, reactor)
        if args.burst:
            bursts.append(Burst(system, reactor, lambda: stop(reactor), args.burst_wait))
        return system

    try:
        status = run_in_foreground(made, reactor)
    finally:
        bar.clear()
    return status or _told(bursts)


def _told(bursts: list[Burst]) -> int:
    """Say what a burst has done; the exit status."""
    for burst in bursts:
        dead = f", {burst.dead} of them are dead letters now" if burst.dead else ""
        print(f"{burst.handled} {'message' if burst.handled == 1 else 'messages'} handled{dead}")
        return 1 if burst.dead else 0
    return 0
