"""``pipeline status FILE``: workers and queues at one moment, or again and again."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from pipeline.cli.run import add_set_option, span_of

__all__ = ["add_arguments", "add_look_options", "check_queue", "configured_queues", "run"]

#: Seconds to reach the server: who looks wants to know soon that it is away.
PATIENCE = 3.0

_EXAMPLES = """\
examples:
  pipeline status shop.yaml
  pipeline status shop.yaml --watch
  pipeline status shop.yaml --interval 0 --json      one look, at once, without rates
  pipeline status shop.yaml --fail-if 'dead>0' --fail-if 'tasks.inbound:oldest>60'

What --fail-if may compare, of all queues together or of QUEUE: waiting, in_hand, delayed, dead,
oldest (seconds; of all queues the oldest). Of the workers: alive, late, gone (dead ones).

The status is 0 when all went well, 1 when something failed, the server can't be reached or
--fail-if holds, 2 for a wrong command line.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the subcommand takes."""
    parser.epilog = _EXAMPLES
    parser.add_argument("file", metavar="FILE", help="the YAML file")
    parser.add_argument("--watch", action="store_true", help="look again and again; Ctrl-C ends it")
    add_look_options(parser)
    parser.add_argument(
        "--fail-if",
        action="append",
        default=[],
        metavar="WHAT",
        help="end with status 1 if this holds, as dead>0; may be repeated",
    )
    parser.add_argument("--json", action="store_true", help="answer in JSON, a line for each look")
    add_set_option(parser)


def add_look_options(parser: argparse.ArgumentParser) -> None:
    """Let it be said how queues are looked at, and which are told of."""
    parser.add_argument(
        "--interval",
        type=span_of,
        default=1.0,
        metavar="1s",
        help="time between two looks, in which rates are measured (1s); 0: one look",
    )
    parser.add_argument(
        "--all", action="store_true", help="also queues that nobody reads and nothing is in"
    )
    parser.add_argument("--partitions", action="store_true", help="a line for each partition")


def run(args: argparse.Namespace) -> int:
    """Look, and say what there is."""
    from pipeline.cli.alarms import Alarm

    try:
        args.alarms = [Alarm.parse(text) for text in args.fail_if]
    except ValueError as error:
        print(f"pipeline: --fail-if: {error}", file=sys.stderr)
        return 2
    wrong = _wrong(args)
    if wrong:
        print(f"pipeline: {wrong}", file=sys.stderr)
        return 2
    from twisted.internet import reactor
    from twisted.logger import LogLevel

    from pipeline.cli.foreground import log_to
    from pipeline.cli.session import run_to_its_end
    from pipeline.service.build import load

    config = load(args.file, args.set_option)
    log_to(sys.stderr, LogLevel.critical if args.watch else LogLevel.warn)
    return run_to_its_end(lambda: _work(args, config, reactor), reactor)


def _wrong(args: argparse.Namespace) -> str:
    """What can't be in a command line; "" when all can."""
    if args.watch and not args.interval:
        return "--watch wants an --interval above 0"
    return "--watch goes on, so there is no --fail-if with it" if args.watch and args.alarms else ""


def configured_queues(config: Any) -> tuple[set[str], set[str]]:
    """The queues that the workers of a configuration read, and those that they write.

    Empty where their classes can't be had here, which is said on standard error.
    """
    from pipeline.errors import ConfigError
    from pipeline.service.overview import overview

    try:
        workers = overview(config)["workers"]
    except ConfigError as error:
        what = "only queues that were ever read are known"
        print(f"pipeline: {what}, since the workers can't be made here: {error}", file=sys.stderr)
        return set(), set()
    reads = {queue for worker in workers for queue in worker["reads"]}
    return reads, {queue for worker in workers for queue in worker["writes"]}


async def check_queue(overseer: Any, queue: str, named: set[str]) -> None:
    """See that a queue is one: a name that is misspelt is no empty queue.

    :param overseer: an :class:`pipeline.interfaces.IOverseer`.
    :param named: the queues of the configuration.
    :raise PipelineError: nobody knows of it, and nothing is in it.
    """
    from pipeline.config.problems import suggestion
    from pipeline.errors import PipelineError

    known = named | set(await overseer.queues())
    if queue in known or "@" in queue:
        return
    if any(any(seen[2:6]) for seen in await overseer.look([queue])):
        return
    hint = suggestion(queue, known)
    raise PipelineError(f"there is no queue {queue!r}" + (f": {hint}" if hint else ""))


async def _work(args: argparse.Namespace, config: Any, reactor: Any) -> int:
    from pipeline.cli.picture import picture
    from pipeline.cli.watching import Looks, watch
    from pipeline.service.visiting import visiting

    reads, writes = configured_queues(config)
    async with visiting(config, reactor, "status", PATIENCE) as broker:
        looks = Looks(
            broker,
            reads | writes,
            clock=reactor,
            dead_after=config.dead_after,
            wanted=None if args.all else reads,
        )
        for alarm in args.alarms:
            if alarm.queue:
                await check_queue(broker.overseer(), alarm.queue, reads | writes)
        if args.watch:
            return await watch(looks, args, sys.stdout, reactor)
        found = await looks.measured(args.interval)
    if args.json:
        print(json.dumps(found))
    else:
        print("\n".join(picture(found, sys.stdout, partitions=args.partitions)))
    return _alarmed(args.alarms, found)


def _alarmed(alarms: list[Any], found: dict[str, Any]) -> int:
    raised = [text for alarm in alarms if (text := alarm.raised_by(found))]
    for text in raised:
        print(f"pipeline: {text}", file=sys.stderr)
    return 1 if raised else 0
