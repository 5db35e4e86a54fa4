"""The dead letter office: finding letters that are dead, and what may be done with them.

It works on any :class:`pipeline.interfaces.IBroker`, a page at a time: a million letters take no
more memory than a hundred.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pipeline.codec import Codec, Undecodable
from pipeline.errors import InvalidMessage
from pipeline.observe.letters import Letter, position

__all__ = ["DeadLetterOffice", "Selection", "checked_payload", "is_reference"]

#: How many letters are read at once.
PAGE = 500
_REFERENCE = re.compile(r"([0-9]{1,19}-[0-9]{1,19})(?:/([0-9]{1,6}))?")


def is_reference(text: str) -> bool:
    """Whether a text can be what :attr:`pipeline.observe.letters.Letter.reference` is."""
    return _REFERENCE.fullmatch(text) is not None


@dataclass(frozen=True)
class Selection:
    """Which letters are meant: those for which all that is given holds.

    :param queues: the queues they came from; none for all. An instance's queue means its
        letters alone.
    :param reasons: any of these, as ``exhausted``.
    :param error: this is in the error's class or text, in any case.
    :param text: this is in the message as it lies on the wire, in any case.
    :param older: they died longer ago than this, in seconds.
    :param newer: they died less long ago than this, in seconds.
    """

    queues: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    error: str = ""
    text: str = ""
    older: float | None = None
    newer: float | None = None

    @property
    def is_everything(self) -> bool:
        """Whether nothing is asked for."""
        return self == Selection()

    @property
    def has_filter(self) -> bool:
        """Whether letters must be read to know whether they are meant."""
        return any("@" in queue for queue in self.queues) or replace(self, queues=()) != Selection()

    def has(self, letter: Letter, now: float) -> bool:
        """Whether a letter is meant.

        :param now: seconds since the epoch.
        """
        if self.queues and not {letter.queue, letter.entry.queue} & set(self.queues):
            return False
        if self.reasons and letter.text("reason") not in self.reasons:
            return False
        if self.error.casefold() not in letter.text("error").casefold():
            return False
        return self._has_age(now - letter.died_at) and self._has_text(letter)

    def _has_age(self, age: float) -> bool:
        if self.older is not None and age <= self.older:
            return False
        return self.newer is None or age < self.newer

    def _has_text(self, letter: Letter) -> bool:
        if not self.text:
            return True
        there = letter.payload.decode("utf-8", "replace").casefold()
        # JSON may have it as \u00e9.
        spellings = (self.text, self.text.lower(), self.text.upper())
        asked = {self.text, *(json.dumps(spelling)[1:-1] for spelling in spellings)}
        return any(text.casefold() in there for text in asked)


class DeadLetterOffice:
    """Looks through a broker's dead letters.

    :param broker: an :class:`pipeline.interfaces.IBroker` that is started.
    :param now: tells the time in seconds since the epoch, for the age of letters.
    """

    def __init__(self, broker: Any, now: Callable[[], float] = time.time) -> None:
        self._broker = broker
        self._now = now

    # Looking ----------------------------------------------------------------------------------

    async def queues(self, selection: Selection) -> list[str]:
        """Where letters of a selection may lie: the connectors' queues that have any."""
        asked = {queue.partition("@")[0] for queue in selection.queues}
        found: list[str] = await self._broker.dead_queues()
        return [queue for queue in found if not asked or queue in asked]

    async def total(self, selection: Selection) -> int:
        """How many letters must be looked at to find those of a selection."""
        counts = [await place.count() for _, _, place in await self._places(selection)]
        return sum(counts)

    async def reasons(self, selection: Selection) -> dict[str, dict[str, int]]:
        """How many letters of a selection each queue has, by their reasons."""
        counts: dict[str, dict[str, int]] = {}
        if selection.has_filter:
            async for page in self.find(selection):
                whole = counts.setdefault(page[0].entry.queue, {})
                for reason in (letter.text("reason") for letter in page):
                    whole[reason] = whole.get(reason, 0) + 1
            return counts
        for queue, _, place in await self._places(selection):
            whole = counts.setdefault(queue, {})
            for reason, count in (await place.reasons()).items():
                whole[reason] = whole.get(reason, 0) + count
        return {queue: reasons for queue, reasons in counts.items() if reasons}

    async def lookup(self, reference: str, selection: Selection) -> list[Letter]:
        """The letters of this id; in different queues there may be several."""
        found = _REFERENCE.fullmatch(reference)
        if found is None:
            return []
        id, partition = found[1], int(found[2] or 0)
        letters = []
        for _, number, place in await self._places(selection):
            if number == partition:
                page = await place.page(id, 1)
                letters += [Letter(entry, number) for entry in page if entry.id == id]
        return [letter for letter in letters if selection.has(letter, self._now())]

    async def find(
        self, selection: Selection, looked: Callable[[int], None] = lambda count: None
    ) -> AsyncIterator[list[Letter]]:
        """Pages of letters, never empty, each of one queue and partition, oldest first.

        What dies meanwhile is not found: who puts letters back would meet them again.

        :param looked: told how many letters were looked at, again and again.
        """
        now = self._now()
        places = await self._places(selection)
        ends = [await place.newest() for _, _, place in places]
        for (_, partition, place), end in zip(places, ends, strict=True):
            async for page in _pages(place, end):
                letters = [Letter(entry, partition) for entry in page]
                found = [letter for letter in letters if selection.has(letter, now)]
                if found:
                    yield found
                looked(len(page))

    async def _places(self, selection: Selection) -> list[tuple[str, int, Any]]:
        return [
            (queue, partition, self._broker.dead_letters(queue, partition))
            for queue in await self.queues(selection)
            for partition in range(self._broker.partitions)
        ]

    # Doing ------------------------------------------------------------------------------------

    async def requeue(self, letters: Sequence[Letter]) -> list[bool]:
        """Put letters back on their queues.

        :param letters: of one queue and partition, as :meth:`find` gives them.
        :return: for each whether it was still there.
        """
        done: list[bool] = await self._place(letters[0]).requeue(_entries(letters))
        return done

    async def purge(self, letters: Sequence[Letter]) -> list[bool]:
        """Throw letters away.

        :param letters: of one queue and partition, as :meth:`find` gives them.
        :return: for each whether it was still there.
        """
        done: list[bool] = await self._place(letters[0]).purge(_entries(letters))
        return done

    async def edit(self, letter: Letter, payload: bytes) -> Letter | None:
        """Give a letter another payload: the letter as it is now.

        :param payload: what :func:`checked_payload` made.
        :return: None when it is gone, or somebody has edited it meanwhile.
        """
        id = await self._place(letter).edit(letter.entry, payload)
        if id is None:
            return None
        fields = {**letter.entry.fields, "payload": payload}
        return letter._replace(entry=letter.entry._replace(id=id, fields=fields))

    def _place(self, letter: Letter) -> Any:
        return self._broker.dead_letters(letter.entry.queue, letter.partition)


def checked_payload(value: Any, codec: Codec) -> bytes:
    """A JSON value as the message it is, ready for the wire.

    :param value: what ``json.loads`` gives.
    :param codec: the namespace's, which decodes the message to see that it is one.
    :raise InvalidMessage: it is no message; the text says why.
    """
    decoded = codec.decode(json.dumps(value).encode())
    if isinstance(decoded, Undecodable):
        raise InvalidMessage(f"this is no message: {decoded.reason}")
    return codec.encode(decoded)


async def _pages(place: Any, end: str | None) -> AsyncIterator[list[Any]]:
    start = "-"
    while end is not None:
        page = await place.page(start, PAGE)
        due = [entry for entry in page if position(entry.id) <= position(end)]
        if due:
            yield due
        if not due or len(due) < len(page):
            return
        start = f"({due[-1].id}"


def _entries(letters: Iterable[Letter]) -> list[Any]:
    return [letter.entry for letter in letters]
