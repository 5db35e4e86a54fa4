"""``pipeline queues``: queues looked into, emptied, paused and resumed."""

from __future__ import annotations

import argparse
import getpass
import socket
from typing import Any

from pipeline.cli.actions import action_parser, add_actions, count_of, listed, run_action
from pipeline.cli.run import add_set_option
from pipeline.cli.status import add_look_options

__all__ = ["add_arguments", "run"]

_PURPOSES = {
    "list": "a line for each queue",
    "peek": "see messages of a queue, without taking them",
    "purge": "throw away what waits in a queue, for ever",
    "pause": "have no worker take from queues, until they are resumed",
    "resume": "let workers take from queues again",
}
#: How many messages are shown when it isn't said.
_PEEKED = 10

_EXAMPLES = """\
examples:
  pipeline queues list shop.yaml
  pipeline queues peek shop.yaml tasks.inbound --limit 3
  pipeline queues peek shop.yaml tasks.inbound --in-flight
  pipeline queues peek shop.yaml tasks.inbound --id 1763719200123-0
  pipeline queues pause shop.yaml tasks.inbound --reason 'mails go out twice'
  pipeline queues purge shop.yaml tasks.inbound
  pipeline queues resume shop.yaml tasks.inbound
"""
_MORE = """
`pipeline queues ACTION --help` tells the rest. The status is 0 when all went well, 1 when something
failed or is not there, 2 for a wrong command line.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the subcommand takes."""
    parser.epilog = f"actions:\n{listed(_PURPOSES)}\n\n{_EXAMPLES}{_MORE}"
    add_actions(parser, "queues", _PURPOSES)
    parser.usage = "pipeline queues ACTION FILE [QUEUE ..] [options]"


def run(args: argparse.Namespace) -> int:
    """Do it, with a connection to the configuration's server."""
    return run_action(args, _parse(args.action, args.rest), _work)


async def _work(action: str, args: argparse.Namespace, config: Any, reactor: Any) -> int:
    from pipeline.cli.status import PATIENCE, configured_queues
    from pipeline.cli.warden import ACTIONS, Warden
    from pipeline.service.build import runtime_of
    from pipeline.service.visiting import visiting
    from pipeline.tasks.client import Client

    reads, writes = configured_queues(config)
    async with visiting(config, reactor, "queues", PATIENCE) as broker:
        client = Client(runtime_of(config, broker, reactor))
        try:
            return await ACTIONS[action](Warden(client, args, config, reads, writes))
        finally:
            await client.stop()


def _parse(action: str, words: list[str]) -> argparse.Namespace:
    parser = _parser(action)
    args = parser.parse_intermixed_args(words)
    if action == "peek":
        from pipeline.observe.queues import is_reference

        for text in args.id:
            if not is_reference(text):
                parser.error(f"an id is as 1763719200123-0, got {text!r}")
        if args.delayed and args.in_flight:
            parser.error("--delayed, or --in-flight: not both")
    if action == "pause":
        from pipeline.operating import checked_pause

        try:
            for queue in args.queues:
                checked_pause(queue, args.by, args.reason)
        except ValueError as error:
            parser.error(str(error))
    return args


def _parser(action: str) -> argparse.ArgumentParser:
    parser = action_parser("queues", action, _PURPOSES[action], _EXAMPLES)
    if action in ("peek", "purge"):
        parser.add_argument("queue", metavar="QUEUE", help="as `list` names it")
        parser.add_argument(
            "--partition", type=count_of, metavar="N", help="only this partition of it"
        )
    if action in ("pause", "resume"):
        parser.add_argument("queues", nargs="+", metavar="QUEUE", help="as `list` names it")
    _OPTIONS[action](parser)
    parser.add_argument("--json", action="store_true", help="answer in JSON")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    add_set_option(parser)
    return parser


def _add_peek(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--delayed", action="store_true", help="those that are due later")
    parser.add_argument("--in-flight", action="store_true", help="those that a worker has in hand")
    parser.add_argument(
        "--id", action="append", default=[], metavar="ID", help="all of this one; may be repeated"
    )
    parser.add_argument(
        "--limit",
        type=count_of,
        default=_PEEKED,
        metavar="N",
        help=f"so many at the most; 0: all ({_PEEKED})",
    )


def _add_purge(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--delayed", action="store_true", help="those that are due later, instead of what waits"
    )
    parser.add_argument("--yes", action="store_true", help="don't ask")


def _add_pause(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--reason", default="", metavar="TEXT", help="why, for others to see")
    parser.add_argument(
        "--by", default=_person(), metavar="NAME", help="who wants it (%(default)s)"
    )


def _person() -> str:
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = "somebody"
    # What stands in help goes through %-formatting.
    return f"{name}@{socket.gethostname()}"[:100].replace("%", "")


_OPTIONS = {
    "list": add_look_options,
    "peek": _add_peek,
    "purge": _add_purge,
    "pause": _add_pause,
    "resume": lambda parser: None,
}
