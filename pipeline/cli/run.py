"""``pipeline run FILE``: the workers of a configuration, in this terminal."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.service.burst import Burst
    from pipeline.service.running import System

__all__ = ["add_arguments", "add_log_options", "add_set_option", "run", "span_of"]

_EXAMPLES = """\
examples:
  pipeline run config/demo.yaml
  pipeline run config/two-process.yaml --worker web
  pipeline run config/demo.yaml --set-option redis:redis://localhost
  pipeline run config/demo.yaml --set-option workers.web.listen:tcp:8081
  pipeline run shop.yaml --log-format json 2>> shop.log
  pipeline run shop.yaml --worker work --burst      do what is there, then end

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
    if args.burst_wait and not args.burst:
        print("pipeline: --burst-wait is for --burst", file=sys.stderr)
        return 2
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
        system = bar.watch(build(config, reactor, only=args.worker, failed=failed))
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
