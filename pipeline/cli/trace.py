"""``pipeline trace FILE --message JSON``: one message tried out, with what changes at each step."""

from __future__ import annotations

import argparse
import io
import json
import sys
from pathlib import Path
from typing import Any

from pipeline.cli.run import add_set_option, span_of

__all__ = ["add_arguments", "run"]

_EXAMPLES = """\
examples:
  pipeline trace shop.yaml --message '{"content": "hi"}'
  pipeline trace shop.yaml --message '{"content": "hi", "from_addr": "ada"}' --handle
  pipeline trace shop.yaml --message @order.json --worker web
  pipeline trace shop.yaml --message '{"content": "bye"}' --kind outbound --full
  pipeline trace shop.yaml --message '{"task": "price", "args": ["tea"]}' --handle
  pipeline dead show shop.yaml ID --json | jq .[0].message | pipeline trace shop.yaml --message -

The message may be one of this system's wire, or Vumi's; what it lacks gets a default. It enters at
the worker that would publish it, and goes on as far as its workers carry it. Everything is real but
the outside: queues and store are in memory and empty, the clock is turned, nothing listens and
nothing is sent. Code of yours runs as always: what your middleware does outside, it does. With
--handle applications run, too; without, a message has arrived when it reaches one.

The status is 0 when all went well, 1 when something failed on the way or came to no end, 2 for a
wrong command line.
"""

_KINDS = ("inbound", "outbound", "event", "failure", "status", "task")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the subcommand takes."""
    parser.epilog = _EXAMPLES
    parser.add_argument("file", metavar="FILE", help="the YAML file")
    parser.add_argument(
        "--message",
        required=True,
        metavar="JSON",
        help="the message, as JSON; @FILE: it is in a file; -: it comes from standard input",
    )
    parser.add_argument("--kind", choices=_KINDS, help="of the message, if it doesn't say it")
    parser.add_argument("--worker", metavar="NAME", help="try this worker only")
    parser.add_argument("--connector", metavar="NAME", help="where it enters, if there are several")
    parser.add_argument(
        "--direction", choices=("consume", "publish"), help="enter as it is read, or as it goes out"
    )
    parser.add_argument("--handle", action="store_true", help="also run applications, in memory")
    parser.add_argument(
        "--wait",
        type=span_of,
        default=60.0,
        metavar="5s",
        help="how long middleware may wait on its clock, which takes no time here (60s)",
    )
    parser.add_argument("--full", action="store_true", help="show long values as a whole")
    parser.add_argument("--json", action="store_true", help="answer in JSON")
    add_set_option(parser)


def run(args: argparse.Namespace) -> int:
    """Try it, and say what happened."""
    from twisted.internet import reactor

    from pipeline.cli.foreground import log_to
    from pipeline.cli.session import run_to_its_end
    from pipeline.explain.trace.given import Given

    given = Given.read(_text(args.message), args.kind)
    log_to(sys.stderr if args.debug else io.StringIO())
    return run_to_its_end(lambda: _traced(args, given, reactor), reactor)


def _text(message: str) -> str | bytes:
    """What was given, wherever it is; no more than is looked at."""
    from pipeline.codec import MAX_BYTES

    if message == "-":
        return sys.stdin.buffer.read(MAX_BYTES + 1)
    if message.startswith("@"):
        with Path(message[1:]).open("rb") as file:
            return file.read(MAX_BYTES + 1)
    return message


async def _traced(args: argparse.Namespace, given: Any, reactor: Any) -> int:
    from pipeline.cli.traced import shown
    from pipeline.explain.trace.rehearsal import trace
    from pipeline.explain.trace.traced import Wishes
    from pipeline.service.build import load

    wishes = Wishes(args.worker, args.connector, args.direction, args.handle, args.wait)
    traced = await trace(load(args.file, args.set_option), given, reactor, wishes)
    if args.json:
        print(json.dumps(traced.as_json()))
    else:
        for line in shown(traced, sys.stdout, args.full):
            print(line)
    return 1 if traced.failed else 0
