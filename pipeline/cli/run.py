"""``pipeline run FILE``: the workers of a configuration, in this terminal."""

from __future__ import annotations

import argparse
import sys

__all__ = ["add_arguments", "run"]

_EXAMPLES = """\
examples:
  pipeline run config/demo.yaml
  pipeline run config/two-process.yaml --worker web
  pipeline run config/demo.yaml --set-option redis:redis://localhost
  pipeline run config/demo.yaml --set-option workers.web.listen:tcp:8081
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
    add_set_option(parser)


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
    from twisted.internet import reactor

    from pipeline.cli.bar import Bar
    from pipeline.cli.foreground import log_to, run_in_foreground
    from pipeline.service.build import build, load

    config = load(args.file, args.set_option)
    bar = Bar(sys.stderr, reactor)
    log_to(sys.stderr, before=bar.clear)
    try:
        return run_in_foreground(
            lambda failed: bar.watch(build(config, reactor, only=args.worker, failed=failed)),
            reactor,
        )
    finally:
        bar.clear()
