"""What a task of a benchmark writes down, and who started the worker reads meanwhile.

Each process of a worker has a file of its own that is mapped into its memory, so a note costs a
fraction of a microsecond and needs no connection, whatever the framework.
"""

from __future__ import annotations

import itertools
import mmap
import os
import struct
import threading
from pathlib import Path
from time import monotonic

__all__ = ["FOLDER", "Notes", "begun"]

#: The variable with the folder of the files.
FOLDER = "BENCHMARK_NOTES"
#: When a call began and when it was sent, in seconds of the system's monotonic clock.
_NOTE = struct.Struct("dd")
#: How many notes a process has room for; the file takes only what is written.
MOST = 2_000_000


class _Book:
    """The file of this process, made at the first note."""

    def __init__(self) -> None:
        self.close()

    def close(self) -> None:
        """Begin a file of one's own, as after a fork."""
        self._opening = threading.Lock()
        self.next = itertools.count().__next__
        self.map: mmap.mmap | None = None

    def open(self) -> mmap.mmap:
        """Make the file; once, though several threads may begin at the same time."""
        with self._opening:
            if self.map is None:
                path = Path(os.environ[FOLDER], str(os.getpid()))
                with open(path, "w+b") as file:
                    file.truncate(_NOTE.size * MOST)
                    self.map = mmap.mmap(file.fileno(), 0)
            return self.map


_book = _Book()
os.register_at_fork(after_in_child=_book.close)


def begun(sent: float) -> None:
    """Note that a call begins now; any thread may."""
    _NOTE.pack_into(_book.map or _book.open(), _book.next() * _NOTE.size, monotonic(), sent)


class Notes:
    """Reads what the processes of a worker have noted.

    :param folder: where they write.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, mmap.mmap] = {}
        self._read: dict[str, list[tuple[float, float]]] = {}
        self._forgotten = 0

    def forget(self) -> None:
        """Count from here."""
        self._forgotten = self._look()

    def count(self) -> int:
        """How many calls have begun since then."""
        return self._look() - self._forgotten

    def processes(self) -> set[int]:
        """Which processes have noted anything."""
        self._look()
        return {int(name) for name in self._files}

    def latest(self, count: int) -> list[tuple[float, float]]:
        """The last calls, as they began: when they did, and when they were sent."""
        self._look()
        return sorted(each for notes in self._read.values() for each in notes)[-count:]

    def _look(self) -> int:
        for path in self._folder.iterdir():
            if path.name not in self._files and path.stat().st_size:
                with open(path, "rb") as file:
                    self._files[path.name] = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
                self._read[path.name] = []
        for name, mapped in self._files.items():
            notes = self._read[name]
            # A note that is being written has its first half only for an instant.
            while (
                len(notes) < MOST
                and (note := _NOTE.unpack_from(mapped, len(notes) * _NOTE.size))[0]
            ):
                notes.append(note)
        return sum(map(len, self._read.values()))
