"""Subcommands with actions, each of which has options of its own: ``dead`` and ``tasks``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any

__all__ = ["action_parser", "add_actions", "count_of", "listed", "run_action"]


def listed(purposes: Mapping[str, str]) -> str:
    """What actions are for, a line each, as help shows it."""
    return "\n".join(f"  {name:<10}{purpose}" for name, purpose in purposes.items())


def add_actions(parser: argparse.ArgumentParser, command: str, actions: Iterable[str]) -> None:
    """Let a subcommand take an action, and whatever that action's own parser will."""
    parser.usage = f"pipeline {command} ACTION FILE [ID ..] [options]"
    parser.add_argument("action", choices=list(actions), metavar="ACTION", help="see below")
    # Read by the action's own parser, in which ids and options may stand in any order.
    parser.add_argument("rest", nargs=argparse.REMAINDER, metavar="FILE", help=argparse.SUPPRESS)


def action_parser(
    command: str, action: str, purpose: str, examples: str
) -> argparse.ArgumentParser:
    """An action's own parser, which takes a file so far."""
    parser = argparse.ArgumentParser(
        prog=f"pipeline {command} {action}",
        description=purpose[0].upper() + purpose[1:] + ".",
        epilog=examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", metavar="FILE", help="the YAML file")
    return parser


def count_of(text: str) -> int:
    """A number from 0 on the command line."""
    if text.isascii() and text.isdigit():
        return int(text)
    raise argparse.ArgumentTypeError(f"expected a number from 0, got {text!r}")


def run_action(
    args: argparse.Namespace,
    own: argparse.Namespace,
    work: Callable[[str, argparse.Namespace, Any, Any], Coroutine[Any, Any, int]],
) -> int:
    """Do it, with the configuration loaded and the reactor running.

    :param args: those of the subcommand, with its ``action``.
    :param own: those of the action: ``file``, ``set_option``, ``debug``, and what it has besides.
    :param work: is given the action, its arguments, the configuration and the reactor.
    :return: an exit status.
    """
    args.debug = args.debug or own.debug
    from twisted.internet import reactor
    from twisted.logger import LogLevel

    from pipeline.cli.foreground import log_to
    from pipeline.cli.session import run_to_its_end
    from pipeline.service.build import load

    config = load(own.file, own.set_option)
    log_to(sys.stderr, LogLevel.info if own.debug else LogLevel.warn)
    return run_to_its_end(lambda: work(args.action, own, config, reactor), reactor)
