"""What ``pipeline tasks`` does with calls, and says of them."""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import msgspec

from pipeline.cli.progress import Progress
from pipeline.cli.table import Table, span, visible
from pipeline.codec import Undecodable
from pipeline.errors import PipelineError, UnknownCall
from pipeline.observe.dead import DeadLetterOffice, Selection
from pipeline.tasks.client import Client
from pipeline.tasks.results import kept
from pipeline.tasks.states.reading import counts, walk
from pipeline.tasks.states.requeuing import wait_again
from pipeline.tasks.states.status import STATES, TaskStatus

__all__ = ["ACTIONS", "Dispatcher"]

_HEAD = ("ID", "TASK", "STATE", "TRIES", "AGE", "WORKER", "WHAT")
_NO_LETTER = "had no dead letter"
_TIMES = ("queued_at", "due_at", "started_at", "ended_at")
#: How many calls are found before something is done with them.
AT_ONCE = 10_000


class Dispatcher:
    """Carries out one command.

    :param client: of the namespace.
    :param args: the command line.
    """

    def __init__(self, client: Client, args: argparse.Namespace) -> None:
        self._client = client
        self._broker = client.broker
        self._args = args
        self._missing: list[str] = []
        self._began = time.time()

    # Which calls --------------------------------------------------------------------------------

    async def _chosen(self, *states: str) -> list[TaskStatus]:
        """The calls that are meant, in these states if any are given."""
        if self._args.ids:
            return await self._by_id()
        return await self._found(states or STATES, self._args.limit)

    async def _found(
        self, states: Sequence[str], most: int, until: float = math.inf
    ) -> list[TaskStatus]:
        """At most so many calls by the filters, 0: all; only those sent until then."""
        wanted = (self._args.state,) if self._args.state else states
        found: list[TaskStatus] = []
        async for each in walk(self._broker, task=self._args.task, states=wanted):
            if each.queued_at <= until and self._has_age(each):
                found.append(each)
                if len(found) == most:
                    break
        return found

    async def _by_id(self) -> list[TaskStatus]:
        found = []
        for call_id in dict.fromkeys(self._args.ids):
            try:
                found.append(await self._client.status(call_id))
            except UnknownCall:
                self._missing.append(call_id)
        return found

    def _has_age(self, status: TaskStatus) -> bool:
        age = self._began - status.queued_at
        older, newer = self._args.older, self._args.newer
        return (older is None or age > older) and (newer is None or age < newer)

    # Looking ------------------------------------------------------------------------------------

    async def listed(self) -> int:
        """Print a line for each call."""
        found = await self._chosen()
        if self._args.json:
            rest = {
                "calls": [msgspec.to_builtins(each) for each in found],
                "missing": self._missing,
            }
            print(json.dumps(rest))
            return self._status()
        rows = [_row(each) for each in found]
        for line in Table(sys.stdout, _HEAD).lines(rows) if rows else ():
            print(line)
        print(_calls(len(found)))
        return self._status()

    async def show(self) -> int:
        """Print all that is known of each call."""
        for number, status in enumerate(await self._chosen()):
            answer = await kept(self._broker, status.id)
            if self._args.json:
                result = None if answer is None else answer.value
                print(json.dumps({**msgspec.to_builtins(status), "result": result}))
                continue
            print("\n" * bool(number) + "\n".join(_shown(status, answer)))
        return self._status()

    async def stats(self) -> int:
        """Print how many calls each task has."""
        counted = await counts(self._broker)
        if self._args.json:
            print(json.dumps(counted))
            return 0
        columns = ("live", "finished", "failed", "cancelled")
        rows = [
            (name, *(str(each[column]) for column in columns)) for name, each in counted.items()
        ]
        for line in (
            Table(sys.stdout, ("TASK", *map(str.upper, columns))).lines(rows) if rows else ()
        ):
            print(line)
        print(f"{len(rows)} {'task' if len(rows) == 1 else 'tasks'}")
        return 0

    # Doing --------------------------------------------------------------------------------------

    async def cancel(self) -> int:
        """Cancel calls that wait or run."""
        return await self._cancel(("queued", "running", "retrying"), asks=False)

    async def purge(self) -> int:
        """Cancel calls that wait."""
        return await self._cancel(("queued", "retrying"), asks=not self._args.yes)

    async def _cancel(self, states: Sequence[str], *, asks: bool) -> int:
        """Cancel what is meant, so many at a time, until all is that was there in the beginning."""
        done = rest = 0
        until = math.inf
        while True:
            left = self._args.limit - done - rest if self._args.limit else AT_ONCE
            by_id = self._args.ids
            found = (
                await self._by_id()
                if by_id
                else await self._found(states, min(left, AT_ONCE), until)
            )
            if found and asks:
                self._ask(len(found))
                asks = False
            some = await self._cancel_each(found)
            done, rest, until = done + some, rest + len(found) - some, self._began
            if by_id or not some or done + rest == self._args.limit:
                return self._told("cancelled", done, rest, "had ended already")

    def _ask(self, count: int) -> None:
        """:raise PipelineError: somebody doesn't want it, or there is nobody to ask."""
        what = _calls(count) + (" or more" if count == AT_ONCE else "")
        if not sys.stdin.isatty():
            raise PipelineError(f"{what} would be cancelled; --yes says yes")
        if input(f"Cancel {what}? [y/N] ").strip().lower() not in ("y", "yes"):
            raise PipelineError("nothing is cancelled; --yes says yes beforehand")

    async def _cancel_each(self, found: list[TaskStatus]) -> int:
        async def cancel(status: TaskStatus) -> bool:
            with suppress(UnknownCall):  # it is forgotten by now
                return not status.is_final and await self._client.cancel(status.id)
            return False

        done, progress = 0, Progress(sys.stderr, len(found))
        for status in found:
            done += await cancel(status)
            progress.advance(1)
        progress.clear()
        return done

    async def requeue(self) -> int:
        """Put the dead letters of calls that have failed back on their queues."""
        ids = {each.id for each in await self._by_id()} if self._args.ids else None
        office, everything = DeadLetterOffice(self._broker), Selection()
        done, limit = 0, len(ids or ()) or self._args.limit
        progress = Progress(sys.stderr, await office.total(everything))
        async for page in office.find(everything, progress.advance):
            letters = [each for each in page if await self._is_meant(self._id_in(each), ids)]
            done += await self._put_back(office, letters[: limit - done] if limit else letters)
            if limit and done >= limit:
                break
        progress.clear()
        return self._told("requeued", done, len(ids or ()) - done if ids else 0, _NO_LETTER)

    async def _is_meant(self, call_id: str, ids: set[str] | None) -> bool:
        if ids is not None and call_id not in ids:
            return False
        try:
            status = await self._client.status(call_id)
        except UnknownCall:
            return False  # of another kind than a call, or forgotten
        if status.state != "failed" or self._args.task not in (None, status.task):
            return False
        return self._has_age(status)

    async def _put_back(self, office: DeadLetterOffice, letters: list[Any]) -> int:
        since, done = time.time(), 0
        if letters:
            for letter, was_there in zip(letters, await office.requeue(letters), strict=True):
                if was_there:
                    await wait_again(self._broker, self._id_in(letter), since)
                    done += 1
        return done

    def _id_in(self, letter: Any) -> str:
        message = self._client.codec.decode(letter.payload)
        return "" if isinstance(message, Undecodable) else str(getattr(message, "message_id", ""))

    def _told(self, name: str, done: int, rest: int, otherwise: str) -> int:
        if self._args.json:
            print(json.dumps({name: done, "others": rest, "missing": self._missing}))
            return self._status()
        more = f", {rest} {otherwise}" if rest else ""
        print(f"{_calls(done)} {name}{more}")
        return self._status()

    def _status(self) -> int:
        for call_id in self._missing:
            print(f"pipeline: nothing is known of the call {visible(call_id)}", file=sys.stderr)
        return 1 if self._missing else 0


def _row(status: TaskStatus) -> tuple[str, ...]:
    age = span(time.time() - status.queued_at)
    tries = str(status.attempts)
    return (status.id, status.task, status.state, tries, age, status.worker or "-", _what(status))


def _what(status: TaskStatus) -> str:
    """The error of a call, or how far it is."""
    if status.error or status.progress is None:
        return status.error or ""
    return _progress(status)


def _progress(status: TaskStatus) -> str:
    progress = status.progress
    if progress is None:
        return ""
    of = "" if progress.total is None else f"/{progress.total:g}"
    return f"{progress.done:g}{of} {progress.note}".rstrip()


def _shown(status: TaskStatus, answer: Any) -> list[str]:
    lines = [f"{name:<12}{visible(str(getattr(status, name)))}" for name in ("id", "task", "queue")]
    lines.append(f"{'state':<12}{status.state}, attempt {status.attempts}")
    lines += [f"{name.removesuffix('_at'):<12}{_when(getattr(status, name))}" for name in _TIMES]
    for name, text in (
        ("worker", status.worker),
        ("progress", _progress(status)),
        ("error", status.error),
    ):
        if text:
            lines.append(f"{name:<12}{visible(text)}")
    for run in status.aborted_runs:
        said = f"{_when(run.started_at)} by {run.worker}: {run.why}"
        lines.append(f"{'broken off':<12}{visible(said)}")
    if answer is not None and answer.status == "finished":
        lines.append(f"{'result':<12}{visible(json.dumps(answer.value, ensure_ascii=False))}")
    if answer is not None and answer.traceback:
        lines += [
            "traceback",
            *(f"  {visible(line)}" for line in answer.traceback.rstrip().split("\n")),
        ]
    return [line for line in lines if not line.endswith(" -")]


def _when(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _calls(count: int) -> str:
    return f"{count} {'call' if count == 1 else 'calls'}"


ACTIONS: dict[str, Callable[[Dispatcher], Awaitable[int]]] = {
    "list": Dispatcher.listed,
    "show": Dispatcher.show,
    "stats": Dispatcher.stats,
    "cancel": Dispatcher.cancel,
    "purge": Dispatcher.purge,
    "requeue": Dispatcher.requeue,
}
