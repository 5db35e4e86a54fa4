"""Reads a file of lines from a place on, and finds that place again when files were moved.

All of it blocks, so it is called in a thread.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from pipeline.transports.file.place import Place, head_of

__all__ = ["Chunk", "Line", "Tail"]

#: Bytes that are read at a time.
READ = 1_000_000
#: Seconds for which a file that was moved away must not have grown before it counts as finished:
#: who writes it may go on until told of the move.
QUIET = 5.0


class Line(NamedTuple):
    """A line of a file.

    :param offset: where it begins.
    :param data: what it says, without its end; the beginning of one that is too long.
    :param is_cut: it is too long.
    """

    offset: int
    data: bytes
    is_cut: bool = False


@dataclass
class Chunk:
    """Some lines, one after another.

    :param place: where to go on.
    :param lines: none: there are no more now.
    :param size: how long the file is.
    :param notes: what a person should know, as that a file was truncated.
    """

    place: Place
    size: int
    lines: list[Line] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class Tail:
    """Reads one file, and what takes its name after it.

    :param path: the file.
    :param max_line: the longest line in bytes.
    :param is_followed: the file may grow, be moved and be truncated; then a line without its end is
        not finished, else it is the last one.
    :param seconds: tells the time.
    """

    def __init__(
        self,
        path: str,
        max_line: int,
        is_followed: bool,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = path
        self._max_line = max_line
        self._is_followed = is_followed
        self._seconds = seconds
        self._fd: int | None = None
        self._ended: tuple[Place, int, float] | None = None

    def read(self, place: Place | None, most: int) -> Chunk:
        """The next lines.

        :param place: where to go on; None: at the beginning of the file.
        :param most: how many lines at most.
        :raise OSError: the file can't be read, or isn't there.
        """
        notes: list[str] = []
        place = self._opened(place, notes)
        assert self._fd is not None
        while True:
            lines, end = self._lines(place, most)
            if lines or not self._has_moved_on(place):
                break
            self.close()
            place = self._opened(None, notes)
        if lines:
            self._ended = None
            place = replace(place, offset=end, head=head_of(self._fd, end))
        return Chunk(place, os.fstat(self._fd).st_size, lines, notes)

    def close(self) -> None:
        """Let go of the file."""
        fd, self._fd = self._fd, None
        self._ended = None
        if fd is not None:
            os.close(fd)

    # Which file ----------------------------------------------------------------------------------

    def _opened(self, place: Place | None, notes: list[str]) -> Place:
        """Have the file of a place open; the place, or the beginning of the file that there is."""
        if place is None:
            return self._beginning()
        if self._fd is not None and place.fits(self._fd):
            return place
        had = self._fd
        same = had is not None and _number(os.fstat(had)) == (place.device, place.inode)
        self.close()
        for path in self._candidates(place):
            self._open(path)
            assert self._fd is not None
            if place.fits(self._fd):
                if path != self._path:
                    notes.append(f"going on in {path}, which {self._path} was moved to")
                return place
            self.close()
        found = self._beginning()
        if same or (found.device, found.inode) == (place.device, place.inode):
            notes.append(f"{self._path} was truncated or written anew: starting at its beginning")
        else:
            notes.append(
                f"the file that was read until byte {place.offset} is gone, with what may have"
                f" followed: starting at the beginning of {self._path}"
            )
        return found

    def _beginning(self) -> Place:
        if self._fd is None:
            self._open(self._path)
        assert self._fd is not None
        return Place(*_number(os.fstat(self._fd)))

    def _open(self, path: str) -> None:
        # A pipe without a writer would hold up the thread for ever.
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            raise OSError(f"{path} is no file with a beginning and an end; read: '-' takes others")
        self._fd = fd

    def _candidates(self, place: Place) -> Iterator[str]:
        """The files beside ours, ours first, that have the number of a place."""
        beside = [self._path, *map(str, _beside(Path(self._path)))]
        for path in dict.fromkeys(beside):
            with suppress(OSError):
                if _number(os.stat(path)) == (place.device, place.inode):
                    yield path

    def _has_moved_on(self, place: Place) -> bool:
        """Whether nothing will follow in the open file, and another has its name."""
        assert self._fd is not None
        try:
            moved = _number(os.stat(self._path)) != (place.device, place.inode)
        except FileNotFoundError:
            return False
        size, now = os.fstat(self._fd).st_size, self._seconds()
        if not moved:
            self._ended = None
            return False
        if self._ended is None or self._ended[:2] != (place, size):
            self._ended = (place, size, now)
        return now - self._ended[2] >= (QUIET if self._is_followed else 0)

    # Lines ---------------------------------------------------------------------------------------

    def _lines(self, place: Place, most: int) -> tuple[list[Line], int]:
        """Some lines, and the byte behind them."""
        assert self._fd is not None
        at = place.offset
        data = os.pread(self._fd, max(READ, self._max_line + 2), at)
        lines: list[Line] = []
        begin = 0
        while len(lines) < most and (end := data.find(b"\n", begin)) >= 0:
            lines.append(self._line(at + begin, data[begin:end]))
            begin = end + 1
        if lines or not data:
            return lines, at + begin
        return self._last(place, data)

    def _last(self, place: Place, data: bytes) -> tuple[list[Line], int]:
        """A line that has no end within what was read: it is long, or the last there is."""
        at = place.offset
        end = self._end_of(at)
        if end is None and (not self._is_followed or self._has_moved_on(place)):
            assert self._fd is not None
            end = os.fstat(self._fd).st_size
        return ([], at) if end is None else ([self._line(at, data)], end)

    def _line(self, offset: int, data: bytes) -> Line:
        text = data.removesuffix(b"\r")
        if len(text) <= self._max_line:
            return Line(offset, text)
        return Line(offset, text[: self._max_line], True)

    def _end_of(self, offset: int) -> int | None:
        """The byte behind the end of the line that begins here; None if it has no end."""
        assert self._fd is not None
        while data := os.pread(self._fd, READ, offset):
            at = data.find(b"\n")
            if at >= 0:
                return offset + at + 1
            offset += len(data)
        return None


def _number(known: os.stat_result) -> tuple[int, int]:
    return known.st_dev, known.st_ino


def _beside(path: Path) -> list[Path]:
    try:
        return [each for each in path.parent.iterdir() if each.name.startswith(path.name)]
    except OSError:
        return []
