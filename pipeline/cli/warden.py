"""What ``pipeline queues`` does with queues, and says of them."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any

from pipeline.cli.asking import confirmed
from pipeline.cli.messages import Shown, rows, shown
from pipeline.cli.picture import queue_lines
from pipeline.cli.progress import Progress
from pipeline.cli.status import check_queue
from pipeline.cli.table import visible
from pipeline.cli.watching import Looks
from pipeline.delivery import Delivery
from pipeline.errors import PipelineError
from pipeline.message import TaskMessage
from pipeline.observe.queues import Yard
from pipeline.operating import Found
from pipeline.tasks.client import Client
from pipeline.tasks.states.purging import watchers

__all__ = ["ACTIONS", "Warden"]


class Warden:
    """Carries out one command.

    :param client: of the namespace.
    :param args: the command line.
    :param config: the configuration.
    :param reads: the queues that its workers read.
    :param writes: those that they write.
    """

    def __init__(
        self,
        client: Client,
        args: argparse.Namespace,
        config: Any,
        reads: set[str],
        writes: set[str],
    ) -> None:
        self._client = client
        self._broker = client.broker
        self._overseer = client.broker.overseer()
        self._args = args
        self._config = config
        self._reads = reads
        self._named = reads | writes
        self._watchers: dict[tuple[int, str], dict[str, list[str]]] = {}

    # Looking -----------------------------------------------------------------------------------

    async def listed(self) -> int:
        """Print a line for each queue."""
        args = self._args
        looks = Looks(
            self._broker,
            self._named,
            clock=self._client.clock,
            dead_after=self._config.dead_after,
            wanted=None if args.all else self._reads,
        )
        queues = (await looks.measured(args.interval))["queues"]
        if args.json:
            print(json.dumps({"queues": queues}))
            return 0
        print("\n".join(queue_lines(queues, sys.stdout, partitions=args.partitions)))
        return 0

    async def peek(self) -> int:
        """Print messages of a queue."""
        await self._check(self._args.queue)
        if self._args.id:
            return await self._show()
        kind = self._kind()
        now = await self._broker.now()
        found, more = await self._peeked(kind)
        told = [Shown(each, kind, self._client.codec, now) for each in found]
        if self._args.json:
            messages = [each.summary() for each in told]
            print(json.dumps({"kind": kind, "messages": messages, "more": more}))
            return 0
        for line in rows(told, kind, sys.stdout):
            print(line)
        rest = ", and there are more: see --limit" if more else ""
        print(f"{_messages(len(told))} {_STATES[kind]}{rest}")
        return 0

    async def _peeked(self, kind: str) -> tuple[list[Found], bool]:
        """As many as are wanted, and whether there are more."""
        found: list[Found] = []
        limit = self._args.limit or sys.maxsize
        async with aclosing(self._yard().find(kind)) as pages:
            async for page in pages:
                found += page
                if len(found) > limit:
                    break
        return found[:limit], len(found) > limit

    async def _show(self) -> int:
        now, missing = await self._broker.now(), []
        for number, text in enumerate(dict.fromkeys(self._args.id)):
            found = await self._yard().lookup(text)
            if found is None:
                missing.append(text)
                continue
            told = Shown(found[1], found[0], self._client.codec, now)
            if self._args.json:
                print(json.dumps(told.whole()))
            else:
                print("\n" * bool(number) + shown(told))
        if missing:
            print(f"not there: {', '.join(missing)}", file=sys.stderr)
        return 1 if missing else 0

    def _kind(self) -> str:
        if self._args.delayed:
            return "delayed"
        return "in_hand" if getattr(self._args, "in_flight", False) else "waiting"

    def _yard(self) -> Yard:
        partition = self._args.partition
        if partition is not None and partition >= self._broker.partitions:
            raise PipelineError(
                f"there is no partition {partition}: they are 0 to {self._broker.partitions - 1}"
            )
        return Yard(self._broker, self._args.queue, None if partition is None else [partition])

    async def _check(self, queue: str) -> None:
        await check_queue(self._overseer, queue, self._named)

    # Doing -------------------------------------------------------------------------------------

    async def purge(self) -> int:
        """Throw away what waits."""
        queue, kind, yard = self._args.queue, self._kind(), self._yard()
        await self._check(queue)
        count = await self._count(queue, kind)
        if count and not self._args.yes:
            what = f"{_messages(count)} {_STATES[kind]}"
            await confirmed(
                f"Throw away {what} in {visible(queue)}, for ever? [y/N] ", self._client.clock
            )
        progress = Progress(sys.stderr, count)
        try:
            tally = await yard.purge(kind, self._stage, progress.advance)
        finally:
            progress.clear()
        if self._args.json:
            print(json.dumps({"queue": queue, "kind": kind, **tally}))
        else:
            gone = f", {tally['gone']} gone already" if tally["gone"] else ""
            kept = f", {tally['kept']} kept: they are in use" if tally["kept"] else ""
            print(f"{_messages(tally['purged'])} thrown away{gone}{kept}")
        return 1 if tally["kept"] else 0

    async def _count(self, queue: str, kind: str) -> int:
        seen = await self._overseer.look([queue])
        partition = self._args.partition
        chosen = [each for each in seen if partition in (None, each.partition)]
        return sum(getattr(each, kind) for each in chosen)

    async def _stage(self, delivery: Delivery) -> None:
        """A call of a task has more than a message: its state, who waits, who must not be sent."""
        message = self._client.codec.decode(delivery.payload)
        if isinstance(message, TaskMessage):
            watched = await self._watched(delivery, message)
            await self._client.stage_purged(delivery, message, watched)

    async def _watched(self, delivery: Delivery, message: TaskMessage) -> list[str]:
        queue = message.transport_name or ""
        place = (delivery.partition, queue)
        if place not in self._watchers:
            self._watchers[place] = await watchers(self._broker, *place)
        return self._watchers[place].get(message.message_id, [])

    async def pause(self) -> int:
        """Have nobody take from queues."""
        for queue in self._args.queues:
            await self._check(queue)
        paused: list[str] = []
        already: list[str] = []
        for queue in dict.fromkeys(self._args.queues):
            is_new = await self._overseer.pause(queue, self._args.by, self._args.reason)
            (paused if is_new else already).append(queue)
        self._told({"paused": paused, "already": already}, "was paused already")
        return 0

    async def resume(self) -> int:
        """Let all take from queues again."""
        resumed: list[str] = []
        others: list[str] = []
        for queue in dict.fromkeys(self._args.queues):
            (resumed if await self._overseer.resume(queue) else others).append(queue)
        self._told({"resumed": resumed, "not_paused": others}, "was not paused")
        return 0

    def _told(self, found: dict[str, list[str]], otherwise: str) -> None:
        if self._args.json:
            print(json.dumps(found))
            return
        (done, queues), (_, others) = found.items()
        for queue in queues:
            print(f"{visible(queue)} is {done}")
        for queue in others:
            print(f"{visible(queue)} {otherwise}")


#: What can be asked for, and what each does.
ACTIONS: dict[str, Callable[[Warden], Awaitable[int]]] = {
    "list": Warden.listed,
    "peek": Warden.peek,
    "purge": Warden.purge,
    "pause": Warden.pause,
    "resume": Warden.resume,
}

#: What is said of messages of each kind.
_STATES = {"waiting": "waiting", "delayed": "delayed", "in_hand": "in flight"}


def _messages(count: int) -> str:
    return f"{count} message{'' if count == 1 else 's'}"
