"""``pipeline explain FILE``: what passes what, in which order, and what is a mistake there."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from typing import Any

from pipeline.cli.run import add_set_option
from pipeline.middleware.families import KINDS

__all__ = ["add_arguments", "run"]

_EXAMPLES = """\
examples:
  pipeline explain config/demo.yaml
  pipeline explain config/demo.yaml --worker work --kind inbound
  pipeline explain config/demo.yaml --json

The columns: the place in the order (in brackets a priority), the name in the configuration, how
it is called, what it may do, where that is written, and the method. `sync` and `async` are plain
and `async def` handlers, `Deferred` may give one, `thread` runs in a thread. What it may do is
declared by its class; with a question mark it is guessed from the source.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the subcommand takes."""
    parser.epilog = _EXAMPLES
    parser.add_argument("file", metavar="FILE", help="the YAML file")
    parser.add_argument(
        "--worker", action="append", default=[], metavar="NAME", help="only this worker; repeatable"
    )
    parser.add_argument(
        "--kind", action="append", default=[], choices=KINDS, help="only this kind; repeatable"
    )
    parser.add_argument(
        "--verbose", action="store_true", help="also what no message passes in a worker"
    )
    parser.add_argument("--json", action="store_true", help="answer in JSON, with everything")
    add_set_option(parser)


def run(args: argparse.Namespace) -> int:
    """Explain it; 0."""
    from pipeline.cli.explained import lines_of

    system = _explained(args)
    if args.json:
        print(json.dumps(asdict(system)))
        return 0
    for line in lines_of(system, sys.stdout, args.kind, verbose=args.verbose):
        print(line)
    return 0


def _explained(args: argparse.Namespace) -> Any:
    from pipeline.explain.explanation import explained
    from pipeline.explain.prepared import prepared, put_away
    from pipeline.service.build import load

    config = load(args.file, args.set_option)
    workers = prepared(config, args.worker)
    try:
        return explained(config.namespace, workers)
    finally:
        put_away(workers)
