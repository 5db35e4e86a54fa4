"""``pipeline dead``: dead letters looked at, put back, mended, thrown away."""

from __future__ import annotations

import argparse
from typing import Any

from pipeline.cli.actions import action_parser, add_actions, count_of, listed, run_action
from pipeline.cli.run import add_set_option, span_of

__all__ = ["add_arguments", "run"]

_PURPOSES = {
    "list": "a line for each letter",
    "counts": "how many letters of each reason each queue has",
    "show": "all that is known of letters",
    "requeue": "put letters back on their queues, as fresh messages",
    "edit": "change the messages of letters, and put them back with --requeue",
    "purge": "throw letters away for ever",
}
#: Actions that want to be told which letters are meant.
_SELECTIVE = ("show", "requeue", "edit", "purge")
#: How many letters a list has when it isn't told.
_LISTED = 100

_EXAMPLES = """\
examples:
  pipeline dead list shop.yaml
  pipeline dead list shop.yaml --queue tasks.inbound --error ValueError --newer 1h
  pipeline dead counts shop.yaml --json
  pipeline dead show shop.yaml 1763719200123-0
  pipeline dead requeue shop.yaml --reason exhausted --older 10m
  pipeline dead requeue shop.yaml --all --dry-run
  pipeline dead edit shop.yaml 1763719200123-0 --set content=hello --requeue
  pipeline dead purge shop.yaml --text spam

`pipeline dead ACTION --help` tells the rest. A letter's id has /2 behind it in partition 2.
The status is 0 when all went well, 1 when something failed or an id is not there, 2 for a wrong
command line.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the subcommand takes."""
    parser.epilog = f"actions:\n{listed(_PURPOSES)}\n\n{_EXAMPLES}"
    add_actions(parser, "dead", _PURPOSES)


def run(args: argparse.Namespace) -> int:
    """Do it, with a connection to the configuration's server."""
    return run_action(args, _parse(args.action, args.rest), _work)


async def _work(action: str, args: argparse.Namespace, config: Any, reactor: Any) -> int:
    from pipeline.cli.letters import ACTIONS, Clerk
    from pipeline.codec import Codec
    from pipeline.observe.dead import DeadLetterOffice
    from pipeline.service.visiting import visiting

    async with visiting(config, reactor, "dead") as broker:
        office = DeadLetterOffice(broker)
        clerk = Clerk(office, Codec(config.codec), args.selection, args, reactor)
        return await ACTIONS[action](clerk)


def _parse(action: str, words: list[str]) -> argparse.Namespace:
    parser = _parser(action)
    args = parser.parse_intermixed_args(words)
    from pipeline.observe.dead import Selection, is_reference

    for reference in args.ids:
        if not is_reference(reference):
            parser.error(f"an id is as 1763719200123-0, got {reference!r}")
    args.selection = Selection(
        tuple(args.queue), tuple(args.reason), args.error, args.text, args.older, args.newer
    )
    if args.all and args.ids:
        parser.error("ids, or --all: not both")
    if action in _SELECTIVE and args.selection.is_everything and not (args.ids or args.all):
        parser.error("say which letters: ids, a filter, or --all")
    return args


def _parser(action: str) -> argparse.ArgumentParser:
    parser = action_parser("dead", action, _PURPOSES[action], _EXAMPLES)
    parser.add_argument("ids", nargs="*", metavar="ID", help="letters, as `list` names them")
    _add_filters(parser)
    parser.add_argument(
        "--limit",
        type=count_of,
        default=_LISTED if action == "list" else 0,
        metavar="N",
        help=f"so many letters at the most; 0: all ({_LISTED} for list, else 0)",
    )
    parser.add_argument("--json", action="store_true", help="answer in JSON")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    if action in ("requeue", "edit", "purge"):
        parser.add_argument("--dry-run", action="store_true", help="only say what would be done")
    if action == "purge":
        parser.add_argument("--yes", action="store_true", help="don't ask before --all")
    if action == "edit":
        _add_edit(parser)
    add_set_option(parser)
    return parser


def _add_filters(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("which letters (all that is given must hold)")
    group.add_argument(
        "--queue", action="append", default=[], metavar="Q", help="of this queue; may be repeated"
    )
    group.add_argument(
        "--reason",
        action="append",
        default=[],
        metavar="R",
        help="dead for this reason, as exhausted; may be repeated",
    )
    group.add_argument("--error", default="", metavar="TEXT", help="this is in the error")
    group.add_argument("--text", default="", metavar="TEXT", help="this is in the message")
    group.add_argument("--older", type=span_of, metavar="1h", help="dead for longer than this")
    group.add_argument("--newer", type=span_of, metavar="1h", help="dead for less than this")
    group.add_argument("--all", action="store_true", help="all for which the rest holds")


def _add_edit(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="FIELD=VALUE",
        help="set a field instead of opening $EDITOR; dots reach into objects; may be repeated",
    )
    parser.add_argument("--requeue", action="store_true", help="put the letters back, too")
