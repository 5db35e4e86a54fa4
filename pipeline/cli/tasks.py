"""``pipeline tasks``: calls of tasks looked at, cancelled, put back, thrown away, made."""

from __future__ import annotations

import argparse
from typing import Any

from pipeline.cli.actions import action_parser, add_actions, count_of, listed, run_action
from pipeline.cli.run import add_set_option, span_of

__all__ = ["add_arguments", "run"]

_PURPOSES = {
    "list": "a line for each call, the newest first",
    "show": "all that is known of calls",
    "stats": "how many calls each task has, by their states",
    "cancel": "cancel calls that wait or run",
    "purge": "cancel calls that wait, whole tasks of them",
    "requeue": "put calls that have failed back on their queues",
    "run": "call a task, and wait for what it returns",
}
_STATES = ("queued", "running", "retrying", "finished", "failed", "cancelled")
#: How many calls a list has when it isn't told.
_LISTED = 100

_EXAMPLES = """\
examples:
  pipeline tasks list shop.yaml --state failed --newer 1h
  pipeline tasks show shop.yaml 4f2b70cdd3d04cf8a6a7e2c1b5e4d9aa
  pipeline tasks stats shop.yaml --json
  pipeline tasks cancel shop.yaml 4f2b70cdd3d04cf8a6a7e2c1b5e4d9aa
  pipeline tasks purge shop.yaml --task shop.thumbnail
  pipeline tasks requeue shop.yaml --task shop.thumbnail --newer 1d
  pipeline tasks run shop.yaml shop.thumbnail cat.png size=120 --timeout 30s
"""
_MORE = """
`pipeline tasks ACTION --help` tells the rest. The status is 0 when all went well, 1 when something
failed or an id is not known, 2 for a wrong command line.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the subcommand takes."""
    parser.epilog = f"actions:\n{listed(_PURPOSES)}\n\n{_EXAMPLES}{_MORE}"
    add_actions(parser, "tasks", _PURPOSES)


def run(args: argparse.Namespace) -> int:
    """Do it, with a connection to the configuration's server."""
    return run_action(args, _parse(args.action, args.rest), _work)


async def _work(action: str, args: argparse.Namespace, config: Any, reactor: Any) -> int:
    from pipeline.cli.calling import called
    from pipeline.cli.calls import ACTIONS, Dispatcher
    from pipeline.service.build import runtime_of
    from pipeline.service.visiting import visiting
    from pipeline.tasks.client import Client

    async with visiting(config, reactor, "tasks") as broker:
        client = Client(runtime_of(config, broker, reactor))
        try:
            if action == "run":
                return await called(client, config, args, reactor)
            return await ACTIONS[action](Dispatcher(client, args))
        finally:
            await client.stop()


def _parse(action: str, words: list[str]) -> argparse.Namespace:
    parser = _parser(action)
    args = parser.parse_intermixed_args(words)
    if action in ("show", "cancel", "requeue", "purge"):
        chosen = args.task or args.all or args.newer is not None or args.older is not None
        if not args.ids and not chosen:
            parser.error("say which calls: ids, a filter, or --all")
        if args.ids and args.all:
            parser.error("ids, or --all: not both")
    return args


def _parser(action: str) -> argparse.ArgumentParser:
    parser = action_parser("tasks", action, _PURPOSES[action], _EXAMPLES)
    if action == "run":
        _add_run(parser)
    elif action != "stats":
        parser.add_argument("ids", nargs="*", metavar="ID", help="calls, as `list` names them")
        _add_filters(parser, action)
    parser.add_argument("--json", action="store_true", help="answer in JSON")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    if action == "purge":
        parser.add_argument("--yes", action="store_true", help="don't ask")
    add_set_option(parser)
    return parser


def _add_filters(parser: argparse.ArgumentParser, action: str) -> None:
    group = parser.add_argument_group("which calls (all that is given must hold)")
    group.add_argument("--task", metavar="NAME", help="of this task")
    if action in ("list", "show", "cancel"):
        group.add_argument("--state", choices=_STATES, metavar="STATE", help=", ".join(_STATES))
    else:
        parser.set_defaults(state="failed" if action == "requeue" else None)
    group.add_argument("--older", type=span_of, metavar="1h", help="sent longer ago than this")
    group.add_argument("--newer", type=span_of, metavar="1h", help="sent less long ago than this")
    group.add_argument("--all", action="store_true", help="all for which the rest holds")
    parser.add_argument(
        "--limit",
        type=count_of,
        default=_LISTED if action == "list" else 0,
        metavar="N",
        help=f"so many calls at the most; 0: all ({_LISTED} for list, else 0)",
    )


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="the task's name")
    parser.add_argument(
        "args",
        nargs="*",
        metavar="ARG",
        help="an argument, or name=argument: JSON, or if it is none, text",
    )
    parser.add_argument("--no-wait", action="store_true", help="only send it, and print its id")
    parser.add_argument("--timeout", type=span_of, metavar="30s", help="how long to wait")
    parser.add_argument("--delay", type=span_of, metavar="5m", help="when it may run, from now")
