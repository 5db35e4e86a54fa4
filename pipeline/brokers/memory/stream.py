"""One queue in memory: entries, and who has which in hand."""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

__all__ = ["Entry", "Stream"]


@dataclass(slots=True, eq=False)
class Entry:
    """A message in a queue.

    :param position: milliseconds and a number: its place in the queue.
    :param payload: the encoded message.
    :param headers: see :class:`pipeline.delivery.Post`.
    :param deaths: how many workers died while they had it in hand.
    :param holder: the worker that has it in hand; '' when none has.
    :param taken_at: when it was taken, in ms.
    :param due: when its next attempt is, in ms, if one failed while it stayed in hand; else None.
    """

    position: tuple[int, int]
    payload: bytes
    headers: dict[bytes, bytes]
    deaths: int
    holder: str = ""
    taken_at: int = 0
    due: int | None = None

    @property
    def id(self) -> bytes:
        """The position as text, as Redis writes it."""
        return b"%d-%d" % self.position

    def counted(self) -> dict[bytes, bytes]:
        """The headers to put it on a queue again, with the deaths that were counted."""
        deaths = {b"d": b"%d" % self.deaths} if self.deaths else {}
        return {**self.headers, **deaths}


class Stream:
    """Entries in order; each is taken by one worker and stays pending until acknowledged.

    :param now: answers the time, in milliseconds.
    """

    def __init__(self, now: Callable[[], int]) -> None:
        #: What deliveries of this queue, and of none that takes its place later, carry.
        self.token = uuid.uuid4().hex.encode()
        #: What deliveries carry of who reads it in order; b"" when nobody ever did.
        self.lease = b""
        self._owner = ""
        self._now = now
        self._last = (0, 0)
        #: How many were ever put in.
        self.added = 0
        #: The workers that read it.
        self.readers: dict[str, None] = {}
        self._fresh: deque[Entry] = deque()
        self._suspects: deque[Entry] = deque()
        self._pending: dict[bytes, Entry] = {}

    def __len__(self) -> int:
        return len(self._fresh) + len(self._pending)

    @property
    def in_hand(self) -> int:
        """How many entries were taken and are not yet acknowledged."""
        return len(self._pending)

    def __contains__(self, id: bytes) -> bool:
        return id in self._pending

    def is_current(self, token: bytes) -> bool:
        """Whether a delivery with this token may still be settled."""
        return token == self.token or (token == self.lease and bool(token))

    def find(self, id: bytes) -> Entry | None:
        """An entry that was taken."""
        return self._pending.get(id)

    def add(self, payload: bytes, headers: Mapping[bytes, bytes]) -> None:
        """Put a message at the tail; its time of publishing is kept when it has one."""
        now = self._now()
        self.added += 1
        self._last = (now, 0) if now > self._last[0] else (self._last[0], self._last[1] + 1)
        kept = {b"t": b"%d" % now, **headers}
        self._fresh.append(Entry(self._last, payload, kept, int(kept.get(b"d", 0))))

    def take(self, holder: str, count: int) -> list[Entry]:
        """Up to ``count`` entries that nobody had in hand, for a worker."""
        taken = [self._fresh.popleft() for _ in range(min(count, len(self._fresh)))]
        for entry in taken:
            entry.holder = holder
            entry.taken_at = self._now()
            self._pending[entry.id] = entry
        return taken

    def take_suspect(self, holder: str) -> Entry | None:
        """The first entry that a worker died with, if any: one death more is counted."""
        while self._suspects:
            entry = self._suspects.popleft()
            if entry.id in self._pending:
                entry.holder = holder
                entry.deaths += 1
                return entry
        return None

    def acknowledge(self, id: bytes) -> Entry | None:
        """Take an entry off the queue, whoever has it in hand; None when another was first."""
        return self._pending.pop(id, None)

    def abandon(self, holder: str) -> None:
        """A worker has died: what it had in hand is suspect, in the queue's order."""
        self.readers.pop(holder, None)
        if self._owner == holder:
            self._owner = ""
        left = [entry for entry in self._pending.values() if entry.holder == holder]
        for entry in left:
            entry.holder = ""
        self._suspects = deque(sorted({*self._suspects, *left}, key=lambda e: e.position))

    # Looking -----------------------------------------------------------------------------------

    def waiting(self) -> list[Entry]:
        """What nobody has in hand, oldest first."""
        return list(self._fresh)

    def held(self) -> list[Entry]:
        """What was taken, in the queue's order."""
        return sorted(self._pending.values(), key=lambda entry: entry.position)

    def withdraw(self, entry: Entry) -> None:
        """Take out what nobody has in hand."""
        self._fresh.remove(entry)

    # In order ----------------------------------------------------------------------------------

    def grant(self, owner: str) -> bytes | None:
        """A new lease to read this in order; None while another has one."""
        if self._owner:
            return None
        self._owner = owner
        self.lease = f"{owner}:{uuid.uuid4().hex}".encode()
        return self.lease

    def give_up(self, lease: bytes) -> None:
        """Let another have the lease, if it is still this one."""
        if lease == self.lease:
            self._owner = ""

    def claim(self, holder: str) -> list[tuple[Entry, bool]]:
        """All that was taken, in its order, for who has the lease now; and whether a worker died
        with it."""
        suspects = set(self._suspects)
        self._suspects.clear()
        claimed = sorted(self._pending.values(), key=lambda e: e.position)
        for entry in claimed:
            entry.holder = holder
        return [(entry, entry in suspects) for entry in claimed]

    def drain(self) -> list[Entry]:
        """Everything that is left, taken or not, off the queue and in its order."""
        left = sorted([*self._pending.values(), *self._fresh], key=lambda e: e.position)
        self._fresh.clear()
        self._suspects.clear()
        self._pending.clear()
        return left
