"""``pipeline demo``: the framework at work, with a server of its own."""

from __future__ import annotations

import argparse
import io
import sys
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from pipeline.service.process import stop

if TYPE_CHECKING:
    from pipeline.demo.show import Show
    from pipeline.service.running import System

__all__ = ["Performance", "add_arguments", "run"]

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
    performance = Performance(show, args.port, args.once, reactor)
    run_in_foreground(lambda failed: performance.of(build(config, reactor, failed=failed)), reactor)
    if performance.error is not None:
        raise performance.error
    _say("The demo is over: thank you for watching.")
    return 0


class Performance:
    """A show that begins when its system is ready.

    :param show: the show.
    :param port: where the system was to listen; 0 for anywhere.
    :param once: whether all ends with the show.
    :param reactor: the reactor.
    """

    def __init__(self, show: Show, port: int, once: bool, reactor: Any) -> None:
        #: What went wrong in the show, if anything did.
        self.error: BaseException | None = None
        self._show = show
        self._port = port
        self._once = once
        self._reactor = reactor

    def of(self, system: System) -> System:
        """Perform when this system is ready; the system."""
        self._system = system
        system.ready.addCallback(self._begin)
        return system

    def _begin(self, is_ready: bool) -> None:
        if not is_ready:
            return
        if self._port and not self._show.url.endswith(f":{self._port}"):
            _say(f"Port {self._port} is taken; this is {self._show.url}")
        Deferred.fromCoroutine(self._show.run()).addBoth(self._ended)

    def _ended(self, result: Any) -> None:
        # Whoever ends the demo in its midst cuts its requests off, which is no error.
        if self._system.is_stopping:
            return
        if isinstance(result, Failure):
            self.error = result.value
        elif not self._once:
            self._show.invite()
            return
        stop(self._reactor)


def _say(line: str) -> None:
    print(line, flush=True)
