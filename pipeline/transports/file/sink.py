"""Appends lines to a file, many at a time, each whole."""

from __future__ import annotations

import os
import stat

from twisted.internet.defer import Deferred, DeferredList
from twisted.logger import Logger

from pipeline.threads import Threads

__all__ = ["Sink"]

#: Bytes that are written at a time.
WRITE = 1_000_000


class Sink:
    """Appends to a file, which others may move away: then another is made.

    Everything that waits is written together, and reaches the disk together.

    :param path: the file; ``-`` is standard output.
    :param fsync: whether a line counts as written only when it is on the disk.
    :param threads: where it writes; one thread of its own.
    """

    log = Logger()

    def __init__(self, path: str, fsync: bool, threads: Threads) -> None:
        self._path = path
        self._fsync = fsync and path != "-"
        self._threads = threads
        self._fd: int | None = None
        self._waiting: list[tuple[bytes, Deferred[None]]] = []
        self._is_writing = False
        self._is_torn = False
        self._idle: list[Deferred[None]] = []

    def write(self, line: bytes) -> Deferred[None]:
        """Append a line.

        :param line: without its end.
        :return: fires when it is written; fails with the OSError that kept it from that, and then
            it is not in the file, or only in part, in a line of its own.
        """
        written: Deferred[None] = Deferred()
        self._waiting.append((line, written))
        if not self._is_writing:
            self._is_writing = True
            writing = Deferred.fromCoroutine(self._write())
            writing.addErrback(lambda failure: self.log.failure("writing broke", failure))
        return written

    def open(self) -> None:
        """Have the file open, made if need be. Blocks.

        :raise OSError: it can't be written.
        """
        self._current()

    async def close(self) -> None:
        """Wait for what is being written, and let go of the file."""
        if self._is_writing:
            idle: Deferred[None] = Deferred()
            self._idle.append(idle)
            await idle
        self._let_go()

    async def _write(self) -> None:
        while self._waiting:
            group = self._group()
            data = b"".join(line + b"\n" for line, _ in group)
            await self._threads.free()
            [(is_done, why)] = await DeferredList(
                [self._threads.run(self._append, data)], consumeErrors=True
            )
            for _, written in group:
                if not written.called:  # else it was cancelled
                    written.callback(None if is_done else why)
        self._is_writing = False
        idle, self._idle = self._idle, []
        for each in idle:
            each.callback(None)

    def _group(self) -> list[tuple[bytes, Deferred[None]]]:
        waiting = [each for each in self._waiting if not each[1].called]
        size = count = 0
        for line, _ in waiting:
            size += len(line)
            if count and size > WRITE:
                break
            count += 1
        self._waiting = waiting[count:]
        return waiting[:count]

    # In the thread -------------------------------------------------------------------------------

    def _append(self, data: bytes) -> None:
        fd = self._current()
        if self._is_torn:
            data = b"\n" + data
        left = memoryview(data)
        while left:
            done = os.write(fd, left)
            left = left[done:]
            self._is_torn = bool(left)
        if self._fsync:
            os.fsync(fd)

    def _current(self) -> int:
        """The file that has the name now."""
        if self._path == "-":
            return 1
        if self._fd is not None and not self._is_moved(self._fd):
            return self._fd
        self._let_go()
        # A pipe without a reader would hold up the thread for ever.
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
        fd = os.open(self._path, flags, 0o640)
        kind = os.fstat(fd).st_mode
        if not (stat.S_ISREG(kind) or stat.S_ISCHR(kind)):
            os.close(fd)
            raise OSError(f"{self._path} is no file; write: '-' writes into a pipe")
        self._fd = fd
        self._is_torn = stat.S_ISREG(kind) and _has_half_line(self._path)
        return fd

    def _is_moved(self, fd: int) -> bool:
        try:
            return not os.path.samestat(os.stat(self._path), os.fstat(fd))
        except FileNotFoundError:
            return True

    def _let_go(self) -> None:
        fd, self._fd = self._fd, None
        if fd is not None:
            os.close(fd)


def _has_half_line(path: str) -> bool:
    """Whether a file ends within a line, as one whose writer has crashed."""
    try:
        with open(path, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - 1))
            return size > 0 and file.read(1) != b"\n"
    except OSError:
        return False  # it may be written and not read, or can't be sought in
