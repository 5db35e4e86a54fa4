"""``pipeline demo``: the framework at work, with a server of its own."""

from __future__ import annotations

import argparse
import io
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.demo.show import Show
    from pipeline.service.running import System

__all__ = ["add_arguments", "run"]

_EXAMPLES = """\
examples:
  pipeline demo               the show, then it goes on listening; Ctrl-C ends it
  pipeline demo --once        only the show
  pipeline demo --port 9000   listen there; another port is used if that one is taken
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the subcommand takes."""
    parser.epilog = _EXAMPLES
    parser.add_argument("--once", action="store_true", help="end after the show")
    parser.add_argument("--port", type=_port, default=8080, help="where to listen (8080)")


def _port(text: str) -> int:
    if text.isascii() and text.isdigit() and int(text) < 65536:
        return int(text)
    raise argparse.ArgumentTypeError(f"a port is a number from 0 to 65535, got {text!r}")


def run(args: argparse.Namespace) -> int:
    """Show, then serve until Ctrl-C; with ``--once`` only show."""
    from twisted.internet import reactor
    from twisted.logger import LogLevel

    from pipeline.cli.foreground import log_to, run_in_foreground
    from pipeline.cli.report import Colours
    from pipeline.demo.show import CONFIGURATION, Show
    from pipeline.service.build import build, load

    listen = f"workers.web.listen:tcp:{args.port}:interface=127.0.0.1"
    config = load(CONFIGURATION, [listen])
    # What fails in the show is meant to; what keeps it from starting is told by who calls.
    log_to(sys.stderr if args.debug else io.StringIO(), LogLevel.info)
    show = Show(reactor, Colours(sys.stdout), _say)
    errors: list[BaseException] = []

    def make(failed: Any) -> System:
        system = build(config, reactor, failed=failed)
        system.ready.addCallback(_ready, show, args, reactor, errors)
        return system

    run_in_foreground(make, reactor)
    if errors:
        raise errors[0]
    _say("The demo is over: thank you for watching.")
    return 0


def _say(line: str) -> None:
    print(line, flush=True)


def _ready(
    is_ready: bool, show: Show, args: argparse.Namespace, reactor: Any, errors: list[BaseException]
) -> None:
    from twisted.internet.defer import Deferred

    from pipeline.service.process import stop

    if not is_ready:
        return
    if args.port and not show.url.endswith(f":{args.port}"):
        _say(f"Port {args.port} is taken; this is {show.url}")

    def done(result: Any) -> None:
        if result is not None:
            errors.append(result.value)
        elif not args.once:
            show.invite()
            return
        stop(reactor)

    Deferred.fromCoroutine(show.run()).addBoth(done)
