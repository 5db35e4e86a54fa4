"""``pipeline tasks run``: calls a task from a terminal."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import msgspec
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater

from pipeline.applications.tasks import TaskApplication
from pipeline.cli.progress import Progress
from pipeline.config.problems import suggestion
from pipeline.errors import PipelineError, ResultTimeout, TaskFailed, UnknownCall
from pipeline.service.build import probes
from pipeline.tasks.client import Client
from pipeline.tasks.handle import TaskHandle
from pipeline.tasks.options import SendOptions
from pipeline.tasks.registry import Task

__all__ = ["called"]

#: Seconds after which it is said that a call is waited for.
PATIENCE = 2.0
#: Seconds between two looks at how far a call is; only for the bar.
LOOK_EVERY = 0.25

_NAMED = re.compile(r"([^\W\d]\w*)=(.*)", re.DOTALL)


async def called(client: Client, config: Any, args: argparse.Namespace, clock: Any) -> int:
    """Send a call, wait for its result, and print that.

    :param config: whose workers have the task.
    :return: the exit status: 1 when the task has failed.
    """
    workers = [each for each in probes(config, config.workers) if isinstance(each, TaskApplication)]
    task = _task(workers, args.name)
    if all(each.transport_name != task.queue for each in workers):
        what = f"reads {task.queue!r}, where calls of {task.name} go"
        hint = "give the task the queue= of its worker"
        print(f"pipeline: no worker of {args.file} {what}: {hint}", file=sys.stderr)
    given = [_value(each) for each in args.args if not _NAMED.fullmatch(each)]
    named = {m[1]: _value(m[2]) for m in map(_NAMED.fullmatch, args.args) if m}
    try:
        handle = await client.send(task, given, named, SendOptions(delay=args.delay))
    except TypeError as error:
        raise PipelineError(str(error)) from None
    if args.no_wait or task.ignore_result:
        print(json.dumps({"id": handle.id}) if args.json else handle.id)
        return 0
    return await _waited(handle, args, clock)


async def _waited(handle: TaskHandle, args: argparse.Namespace, clock: Any) -> int:
    looking = Deferred.fromCoroutine(_drawn(handle, clock))
    looking.addErrback(lambda _: None)
    telling = clock.callLater(PATIENCE, _tell_waiting, handle)
    try:
        value = await handle.result(args.timeout)
    except TaskFailed as error:
        looking.cancel()
        if args.json:
            print(json.dumps({"id": handle.id, "error": str(error), "traceback": error.traceback}))
        else:
            print(
                f"{error.traceback.rstrip()}\n{error}" if error.traceback else error,
                file=sys.stderr,
            )
        return 1
    except (ResultTimeout, CancelledError):
        looking.cancel()
        print(
            f"pipeline: the call goes on without us; `pipeline tasks show {args.file} {handle.id}`"
            " tells what becomes of it, and `cancel` ends it",
            file=sys.stderr,
        )
        raise
    finally:
        looking.cancel()
        if telling.active():
            telling.cancel()
    plain = msgspec.to_builtins(value)
    print(
        json.dumps({"id": handle.id, "result": plain} if args.json else plain, ensure_ascii=False)
    )
    return 0


def _tell_waiting(handle: TaskHandle) -> None:
    print(f"pipeline: waiting for the call {handle.id}", file=sys.stderr)


async def _drawn(handle: TaskHandle, clock: Any) -> None:
    """Draw how far a call is, on a terminal, until this is cancelled."""
    if not sys.stderr.isatty():
        return
    drawn = Progress(sys.stderr, 0)
    try:
        while True:
            await deferLater(clock, LOOK_EVERY)
            with suppress(UnknownCall):
                progress = (await handle.status()).progress
                if progress is not None and progress.total:
                    drawn.reach(int(progress.done), int(progress.total))
    finally:
        drawn.clear()


def _task(workers: Sequence[TaskApplication], name: str) -> Task[Any, Any]:
    """The task of this name that one of the workers has."""
    known: dict[str, Task[Any, Any]] = {}
    for worker in workers:
        known.update(worker.tasks)
    if name not in known:
        hint = suggestion(name, known)
        raise PipelineError(f"no worker has a task {name!r}" + (f": {hint}" if hint else ""))
    return known[name]


def _value(text: str) -> Any:
    """An argument: JSON, or if it is none, the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text
