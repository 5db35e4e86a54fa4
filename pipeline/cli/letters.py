"""What ``pipeline dead`` does with letters, and says of it."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Any

from twisted.internet.threads import deferToThread

from pipeline.cli.asking import confirmed
from pipeline.cli.editing import edited, with_settings
from pipeline.cli.progress import Progress
from pipeline.cli.shown import shown
from pipeline.cli.table import Table, span
from pipeline.codec import Codec
from pipeline.errors import PipelineError
from pipeline.observe.dead import DeadLetterOffice, Selection, checked_payload
from pipeline.observe.letters import Letter, escaped, message_of, summary, whole

__all__ = ["ACTIONS", "Clerk"]

#: Letters whose lines are printed together: those of the first decide how wide columns are.
AT_ONCE = 100
_HEAD = ("ID", "QUEUE", "REASON", "TRIES", "AGE", "ERROR")


class Clerk:
    """Carries out one command.

    :param office: finds letters, and does things with them.
    :param codec: the namespace's.
    :param selection: which letters are meant.
    :param args: the rest of the command line.
    :param clock: the reactor.
    """

    def __init__(
        self,
        office: DeadLetterOffice,
        codec: Codec,
        selection: Selection,
        args: argparse.Namespace,
        clock: Any,
    ) -> None:
        self._office = office
        self._codec = codec
        self._selection = selection
        self._args = args
        self._clock = clock
        self._missing: list[str] = []
        self._more = False
        self._progress = Progress(sys.stderr, 0)

    # Which letters ----------------------------------------------------------------------------

    async def _chosen(self) -> AsyncIterator[list[Letter]]:
        """The letters that are meant, in pages of one place each, as many as are wanted."""
        left = self._args.limit or sys.maxsize
        async with aclosing(self._by_id() if self._args.ids else self._by_filter()) as pages:
            async for page in pages:
                self._more = len(page) > left
                if page[:left]:
                    yield page[:left]
                left -= len(page[:left])
                if self._more:
                    return

    async def _by_id(self) -> AsyncGenerator[list[Letter]]:
        for reference in dict.fromkeys(self._args.ids):
            found = await self._office.lookup(reference, self._selection)
            if len(found) > 1:
                queues = " and ".join(letter.queue for letter in found)
                raise PipelineError(f"{reference} is in {queues}: say which with --queue")
            if found:
                yield found
            else:
                self._missing.append(reference)

    async def _by_filter(self) -> AsyncGenerator[list[Letter]]:
        if sys.stderr.isatty():
            self._progress = Progress(sys.stderr, await self._office.total(self._selection))
        try:
            async for page in self._office.find(self._selection, self._progress.advance):
                yield page
        finally:
            self._progress.clear()

    # Looking ----------------------------------------------------------------------------------

    async def list(self) -> int:
        """Print a line for each letter."""
        count = await (self._list_json() if self._args.json else self._list_table())
        if self._args.json:
            return self._status()
        more = ", and there are more: see --limit" if self._more else ""
        print(f"{_letters(count)}{more}" if count else self._nothing())
        return self._status()

    async def _list_table(self) -> int:
        table, count = Table(sys.stdout, _HEAD), 0
        rows: list[Sequence[str]] = []
        async for page in self._chosen():
            rows += map(_row, page)
            count += len(page)
            if len(rows) >= AT_ONCE:
                self._print_rows(table, rows)
                rows = []
        if rows:
            self._print_rows(table, rows)
        return count

    def _print_rows(self, table: Table, rows: Sequence[Sequence[str]]) -> None:
        self._progress.clear()
        for line in table.lines(rows):
            print(line)

    async def _list_json(self) -> int:
        count, separator = 0, "\n"
        print('{"letters": [', end="")
        async for page in self._chosen():
            for letter in page:
                print(separator + json.dumps(summary(letter)), end="")
                separator = ",\n"
            count += len(page)
        rest = {"count": count, "more": self._more, "missing": self._missing}
        print("\n], " + json.dumps(rest)[1:])
        return count

    async def counts(self) -> int:
        """Print how many letters there are of each reason in each queue."""
        counts = await self._office.reasons(self._selection)
        if self._args.json:
            print(json.dumps(counts))
            return 0
        rows = [
            (queue, reason or "?", str(count))
            for queue, reasons in counts.items()
            for reason, count in sorted(reasons.items(), key=lambda pair: -pair[1])
        ]
        for line in Table(sys.stdout, ("QUEUE", "REASON", "LETTERS")).lines(rows) if rows else ():
            print(line)
        print(_letters(sum(int(row[2]) for row in rows)))
        return 0

    async def show(self) -> int:
        """Print all that is known of each letter."""
        between = ""
        async for page in self._chosen():
            self._progress.clear()
            for letter in page:
                found = whole(letter, self._codec)
                print(between, end="")
                print(json.dumps(found) if self._args.json else shown(found, time.time()))
                between = "" if self._args.json else "\n"
        return self._status()

    # Doing ------------------------------------------------------------------------------------

    async def requeue(self) -> int:
        """Put letters back on their queues."""
        return await self._do("requeued", "put back", self._office.requeue)

    async def purge(self) -> int:
        """Throw letters away."""
        if self._args.all and not (self._args.yes or self._args.dry_run):
            await self._confirm()
        return await self._do("purged", "thrown away", self._office.purge)

    async def _do(
        self, name: str, done: str, do: Callable[[Sequence[Letter]], Awaitable[Sequence[bool]]]
    ) -> int:
        tally: Counter[str] = Counter()
        async for page in self._chosen():
            tally["matched"] += len(page)
            if not self._args.dry_run:
                results = await do(page)
                tally[name] += sum(results)
                tally["gone"] += len(results) - sum(results)
        if self._args.json:
            numbers = {key: tally[key] for key in ("matched", name, "gone")}
            print(json.dumps({**numbers, "missing": self._missing, "dry_run": self._args.dry_run}))
        else:
            print(self._told(tally, name, done))
        return self._status()

    def _told(self, tally: Counter[str], name: str, done: str) -> str:
        if not tally["matched"]:
            return self._nothing()
        if self._args.dry_run:
            return f"{_letters(tally['matched'])} would be {done}"
        were = "was" if tally["gone"] == 1 else "were"
        gone = f", {tally['gone']} {were} gone already" if tally["gone"] else ""
        return f"{_letters(tally[name])} {done}{gone}"

    async def _confirm(self) -> None:
        counts = await self._office.reasons(self._selection)
        count = sum(sum(reasons.values()) for reasons in counts.values())
        question = f"Throw away {_letters(count)} of {' and '.join(counts)}, for ever? [y/N] "
        if not count:
            return
        await confirmed(question, self._clock)

    async def edit(self) -> int:
        """Change the message of each letter, and put it back if that is wanted."""
        changes: list[dict[str, Any]] = []
        async for page in self._chosen():
            self._progress.clear()
            changes += [await self._try_to_edit(letter) for letter in page]
        if self._args.json:
            print(json.dumps({"edited": changes, "missing": self._missing}))
        elif not changes:
            print(self._nothing())
        for change in () if self._args.json else changes:
            print(f"{change['was']}: {change['outcome']}")
        failed = any(not change["done"] for change in changes)
        return 1 if failed else self._status()

    async def _try_to_edit(self, letter: Letter) -> dict[str, Any]:
        """What became of one letter; one that can't be edited doesn't keep the others from it."""
        change = {"was": letter.reference, "id": letter.reference, "done": True}
        try:
            return {**change, **await self._edit_one(letter)}
        except PipelineError as error:
            return {**change, "done": False, "outcome": f"not edited: {error}"}

    async def _edit_one(self, letter: Letter) -> dict[str, Any]:
        payload = await self._new_payload(letter)
        if payload == letter.payload and not self._args.requeue:
            return {"outcome": "as it was"}
        if self._args.dry_run:
            return {"outcome": "would be edited"}
        mended = await self._office.edit(letter, payload)
        if mended is None:
            return {"done": False, "outcome": "changed by somebody else meanwhile"}
        change = {"id": mended.reference}
        if not self._args.requeue:
            return {**change, "outcome": f"edited, and is {mended.reference} now"}
        [back] = await self._office.requeue([mended])
        return {**change, "outcome": "edited and put back" if back else "edited, then gone"}

    async def _new_payload(self, letter: Letter) -> bytes:
        message, _ = message_of(letter, self._codec)
        if self._args.set:
            value = with_settings(_object(message, letter), self._args.set)
        else:
            known = _object(message, letter) if message or _is_json(letter) else None
            text = json.dumps(known, indent=2, ensure_ascii=False)
            if known is None:
                text = escaped(letter.payload)
            new: str = await deferToThread(edited, text + "\n")
            value = _parsed(new)
            if value == message:
                return letter.payload
        return checked_payload(value, self._codec)

    # Saying -----------------------------------------------------------------------------------

    def _nothing(self) -> str:
        return "there is no such dead letter"

    def _status(self) -> int:
        if self._missing and not self._args.json:
            print(f"not there: {', '.join(self._missing)}", file=sys.stderr)
        return 1 if self._missing else 0


#: What can be asked for, and what each does.
ACTIONS: dict[str, Callable[[Clerk], Awaitable[int]]] = {
    "list": Clerk.list,
    "counts": Clerk.counts,
    "show": Clerk.show,
    "requeue": Clerk.requeue,
    "edit": Clerk.edit,
    "purge": Clerk.purge,
}


def _letters(count: int) -> str:
    return f"{count} dead letter{'' if count == 1 else 's'}"


def _row(letter: Letter) -> tuple[str, ...]:
    attempts = letter.number("attempts")
    return (
        letter.reference,
        letter.queue,
        letter.text("reason"),
        "" if attempts is None else str(attempts),
        span(time.time() - letter.died_at),
        letter.text("error"),
    )


def _object(message: Any, letter: Letter) -> Any:
    """A letter's message, or if it is none what JSON it is."""
    return message if message is not None else _parsed(letter.payload)


def _is_json(letter: Letter) -> bool:
    try:
        json.loads(letter.payload)
    except ValueError:
        return False
    return True


def _parsed(text: str | bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise PipelineError(f"this is no JSON: {error}") from error
